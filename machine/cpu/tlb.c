/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/cpu/tlb.h"

#include <string.h>

#include "machine/cpu/radix.h"

#define DATA_BANKS 32
#define CODE_BANKS 16

/* Translations of this size at most are looked for in the banks one page at a time. */
#define SMALL_PAGE_BITS 16

struct Tlb {
    TlbBank *data;
    CodeBank *code;
    bool (*is_private)(uint64_t ea);
    /* A number for each bank's key, to find it with few looks; equal keys have equal numbers. */
    uint64_t data_number[DATA_BANKS], code_number[CODE_BANKS];
    uint64_t use_count;
    BankHead *fresh_data, *fresh_code; /* the present bank, if it was made for the present key */
};

static void site_slots_clear(SiteEntry slots[SITE_SLOTS])
{
    for (unsigned i = 0; i < SITE_SLOTS; i++)
        slots[i].limit = slots[i].group_limit = 0;
}

static void write_sites_clear(TlbBank *bank)
{
    if (bank->has_sites)
        site_slots_clear(bank->site_write);
}

static void sites_clear(TlbBank *bank)
{
    if (!bank->has_sites)
        return;
    site_slots_clear(bank->site_read);
    site_slots_clear(bank->site_write);
    bank->has_sites = false;
}

/* At least as many as its tables have entries. */
static uint64_t fills(const BankHead *head)
{
    return (uint64_t)head->filled[0].count + head->filled[1].count;
}

/* How many entries of a table of SETS may be valid; which they are, filled_at() says. */
static unsigned filled_count(const FillList *filled, unsigned sets)
{
    return filled->count <= TLB_FILLS_LISTED ? filled->count : sets;
}

static unsigned filled_at(const FillList *filled, unsigned n)
{
    return filled->count <= TLB_FILLS_LISTED ? filled->index[n] : n;
}

/* Empties a table of SETS entries of SIZE bytes, whose first word says that they are INVALID. */
static void table_clear(void *table, size_t size, unsigned sets, uint64_t invalid, FillList *filled)
{
    unsigned count = filled_count(filled, sets);
    for (unsigned n = 0; n < count; n++)
        memcpy((uint8_t *)table + size * filled_at(filled, n), &invalid, sizeof invalid);
    filled->count = 0;
}

#define TABLE_CLEAR(table, invalid, filled)                                                        \
    table_clear(table, sizeof(table)[0], G_N_ELEMENTS(table), invalid, filled)

static void data_clear(TlbBank *bank)
{
    TABLE_CLEAR(bank->read, TLB_INVALID, &bank->head.filled[FILL_READ]);
    TABLE_CLEAR(bank->write, TLB_INVALID, &bank->head.filled[FILL_WRITE]);
    bank->head.filled[FILL_AWAKE].count = 0;
    sites_clear(bank);
    bank->head.has_private = false;
}

static void code_clear(CodeBank *bank)
{
    TABLE_CLEAR(bank->fetch, TLB_INVALID, &bank->head.filled[FILL_FETCH]);
    TABLE_CLEAR(bank->jump, JUMP_INVALID, &bank->head.filled[FILL_JUMP]);
    bank->head.has_private = false;
}

Tlb *tlb_new(bool (*is_private)(uint64_t ea))
{
    Tlb *tlb = g_new0(Tlb, 1);
    const FillList filled_up = { .count = TLB_FILLS_LISTED + 1 };
    tlb->is_private = is_private;
    tlb->data = g_new0(TlbBank, DATA_BANKS);
    tlb->code = g_new0(CodeBank, CODE_BANKS);
    for (unsigned i = 0; i < DATA_BANKS; i++)
        tlb->data[i].head = (BankHead){ .filled = { filled_up, filled_up } };
    for (unsigned i = 0; i < CODE_BANKS; i++)
        tlb->code[i].head = (BankHead){ .filled = { filled_up, filled_up } };
    tlb_drop_all(tlb);
    return tlb;
}

void tlb_free(Tlb *tlb)
{
    if (!tlb)
        return;
    g_free(tlb->data);
    g_free(tlb->code);
    g_free(tlb);
}

/* --- private addresses ------------------------------------------------------------------------ */

static void table_drop_private(const Tlb *tlb, TlbEntry *table, const FillList *filled)
{
    for (unsigned n = 0; n < filled_count(filled, TLB_SETS); n++) {
        TlbEntry *entry = &table[filled_at(filled, n)];
        if (tlb->is_private(entry->tag))
            entry->tag = TLB_INVALID;
    }
}

static void data_drop_private(const Tlb *tlb, TlbBank *bank)
{
    if (!bank->head.has_private)
        return;
    table_drop_private(tlb, bank->read, &bank->head.filled[FILL_READ]);
    table_drop_private(tlb, bank->write, &bank->head.filled[FILL_WRITE]);
    sites_clear(bank);
    bank->head.has_private = false;
}

/* A bank with private code seldom has much other code. */
static void code_drop_private(CodeBank *bank)
{
    if (bank->head.has_private)
        code_clear(bank);
}

/* --- selection -------------------------------------------------------------------------------- */

static bool head_matches(const BankHead *head, const TlbKey *key)
{
    return head->key.mode == key->mode && !memcmp(head->key.word, key->word, sizeof key->word);
}

static uint64_t number_of(const TlbKey *key)
{
    uint64_t number = key->mode;
    for (unsigned i = 0; i < TLB_KEY_WORDS; i++)
        number = (number ^ key->word[i]) * 0x9e3779b97f4a7c15ull;
    return number;
}

/*
 * The bank for a key that has none: the least recently used; but a program that writes sixteen
 * segment registers in a row leaves each context nearly unused.
 */
static BankHead *head_to_reuse(BankHead *fresh, BankHead *oldest)
{
    enum { FEW = 8 };
    return fresh && fills(fresh) <= FEW ? fresh : oldest;
}

/* The banks of one kind: the first's head, their distance, and their keys' numbers. */
typedef struct {
    uint8_t *first;
    size_t size;
    unsigned count;
    uint64_t *number;
    BankHead **fresh;
} Banks;

static BankHead *head_at(const Banks *banks, unsigned i)
{
    return (BankHead *)(banks->first + i * banks->size);
}

static unsigned oldest_of(const Banks *banks)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < banks->count; i++)
        if (head_at(banks, i)->last_used < head_at(banks, oldest)->last_used)
            oldest = i;
    return oldest;
}

/* Its bank. *FOUND: that holds what it did. */
static BankHead *select_head(Tlb *tlb, const Banks *banks, const TlbKey *key, bool many,
                             bool *found)
{
    uint64_t number = number_of(key);
    BankHead *head = NULL;
    for (unsigned i = 0; i < banks->count && !head; i++)
        if (banks->number[i] == number && head_matches(head_at(banks, i), key))
            head = head_at(banks, i);
    *found = head;
    if (!head) {
        head = head_at(banks, oldest_of(banks));
        if (many)
            *banks->fresh = head = head_to_reuse(*banks->fresh, head);
        banks->number[((uint8_t *)head - banks->first) / banks->size] = number;
    } else if (head != *banks->fresh) {
        *banks->fresh = NULL;
    }
    head->last_used = ++tlb->use_count;
    return head;
}

TlbBank *tlb_select_data(Tlb *tlb, const TlbKey *key, bool many)
{
    const Banks banks = { (uint8_t *)&tlb->data[0].head, sizeof(TlbBank), DATA_BANKS,
                          tlb->data_number, &tlb->fresh_data };
    bool found;
    BankHead *head = select_head(tlb, &banks, key, many, &found);
    TlbBank *bank = (TlbBank *)((uint8_t *)head - offsetof(TlbBank, head));
    if (!found)
        data_clear(bank);
    else if (head->key.context != key->context)
        data_drop_private(tlb, bank);
    head->key = *key;
    return bank;
}

CodeBank *tlb_select_code(Tlb *tlb, const TlbKey *key, bool many)
{
    const Banks banks = { (uint8_t *)&tlb->code[0].head, sizeof(CodeBank), CODE_BANKS,
                          tlb->code_number, &tlb->fresh_code };
    bool found;
    BankHead *head = select_head(tlb, &banks, key, many, &found);
    CodeBank *bank = (CodeBank *)((uint8_t *)head - offsetof(CodeBank, head));
    if (!found)
        code_clear(bank);
    else if (head->key.context != key->context)
        code_drop_private(bank);
    head->key = *key;
    return bank;
}

/* --- dropping --------------------------------------------------------------------------------- */

void tlb_drop_all(Tlb *tlb)
{
    for (unsigned i = 0; i < DATA_BANKS; i++)
        data_clear(&tlb->data[i]);
    for (unsigned i = 0; i < CODE_BANKS; i++)
        code_clear(&tlb->code[i]);
}

static bool lies_in(uint64_t tag, const TranslationEntry *entry)
{
    return tag != TLB_INVALID &&
           radix_page_address(tag) >> entry->shift == entry->page >> entry->shift;
}

static void table_drop_page(TlbEntry *table, const TranslationEntry *entry)
{
    uint64_t first = entry->page >> TLB_PAGE_BITS;
    uint64_t pages = 1ull << (entry->shift - TLB_PAGE_BITS);
    for (uint64_t i = first; i < first + pages; i++)
        if (lies_in(table[i % TLB_SETS].tag, entry))
            table[i % TLB_SETS].tag = TLB_INVALID;
}

/* A page's addresses lie one behind the other in the jump table. */
static void code_drop_page(CodeBank *bank, const TranslationEntry *entry)
{
    uint64_t first = entry->page >> TLB_PAGE_BITS;
    uint64_t pages = 1ull << (entry->shift - TLB_PAGE_BITS);
    for (uint64_t i = first; i < first + pages; i++)
        if (lies_in(bank->fetch[i % FETCH_SETS].tag, entry))
            bank->fetch[i % FETCH_SETS].tag = TLB_INVALID;
    uint64_t start = JUMP_INDEX(entry->page), words = MIN(pages * (TLB_PAGE_SIZE / 4), JUMP_SETS);
    for (uint64_t i = start; i < start + words; i++)
        if (lies_in(bank->jump[i % JUMP_SETS].ea, entry))
            bank->jump[i % JUMP_SETS].ea = JUMP_INVALID;
}

/* Whether the bank may hold entries of CONTEXT. */
static bool may_hold(const BankHead *head, uint32_t context)
{
    return fills(head) && (context == 0 || (head->has_private && head->key.context == context));
}

static void data_drop_entry(TlbBank *bank, const TranslationEntry *entry)
{
    if (entry->shift > SMALL_PAGE_BITS) {
        data_clear(bank);
        return;
    }
    table_drop_page(entry->access == ACCESS_READ ? bank->read : bank->write, entry);
    sites_clear(bank);
}

static void code_drop_entry(CodeBank *bank, const TranslationEntry *entry)
{
    if (entry->shift > SMALL_PAGE_BITS)
        code_clear(bank);
    else
        code_drop_page(bank, entry);
}

void tlb_drop_entry(Tlb *tlb, const TranslationEntry *entry)
{
    bool is_code = entry->access == ACCESS_FETCH;
    for (unsigned i = 0; is_code && i < CODE_BANKS; i++)
        if (may_hold(&tlb->code[i].head, entry->context))
            code_drop_entry(&tlb->code[i], entry);
    for (unsigned i = 0; !is_code && i < DATA_BANKS; i++)
        if (may_hold(&tlb->data[i].head, entry->context))
            data_drop_entry(&tlb->data[i], entry);
}

void tlb_drop_context(Tlb *tlb, uint32_t context)
{
    if (context == 0) {
        tlb_drop_all(tlb);
        return;
    }
    for (unsigned i = 0; i < DATA_BANKS; i++)
        if (may_hold(&tlb->data[i].head, context))
            data_drop_private(tlb, &tlb->data[i]);
    for (unsigned i = 0; i < CODE_BANKS; i++)
        if (may_hold(&tlb->code[i].head, context))
            code_drop_private(&tlb->code[i]);
}

static void data_drop_class(TlbBank *bank, uint32_t class)
{
    for (unsigned i = class; i < TLB_SETS; i += 64)
        bank->read[i].tag = bank->write[i].tag = TLB_INVALID;
    sites_clear(bank);
}

static void code_drop_class(CodeBank *bank, uint32_t class)
{
    for (unsigned i = class; i < FETCH_SETS; i += 64)
        bank->fetch[i].tag = TLB_INVALID;
    for (unsigned i = 0; i < JUMP_SETS; i++)
        if ((bank->jump[i].ea >> TLB_PAGE_BITS & 63) == class)
            bank->jump[i].ea = JUMP_INVALID;
}

void tlb_drop_class(Tlb *tlb, uint32_t class)
{
    G_STATIC_ASSERT(TLB_SETS % 64 == 0 && FETCH_SETS % 64 == 0);
    for (unsigned i = 0; i < DATA_BANKS; i++)
        if (fills(&tlb->data[i].head))
            data_drop_class(&tlb->data[i], class);
    for (unsigned i = 0; i < CODE_BANKS; i++)
        if (fills(&tlb->code[i].head))
            code_drop_class(&tlb->code[i], class);
}

static void data_rest_writes(TlbBank *bank)
{
    G_STATIC_ASSERT((TLB_INVALID & TLB_RESTING) == TLB_RESTING);
    FillList *awake = &bank->head.filled[FILL_AWAKE];
    if (!awake->count)
        return;
    for (unsigned n = 0; n < filled_count(awake, TLB_SETS); n++)
        bank->write[filled_at(awake, n)].tag |= TLB_RESTING;
    awake->count = 0;
    write_sites_clear(bank);
}

void tlb_rest_writes(Tlb *tlb)
{
    for (unsigned b = 0; b < DATA_BANKS; b++)
        data_rest_writes(&tlb->data[b]);
}

static void data_drop_writes_to(TlbBank *bank, uint64_t host)
{
    const FillList *filled = &bank->head.filled[FILL_WRITE];
    if (!filled->count)
        return;
    for (unsigned n = 0; n < filled_count(filled, TLB_SETS); n++) {
        TlbEntry *entry = &bank->write[filled_at(filled, n)];
        uint64_t page = entry->tag & ~(TLB_PAGE_SIZE - 1);
        if (entry->tag != TLB_INVALID && entry->addend + page == host)
            entry->tag = TLB_INVALID;
    }
    write_sites_clear(bank);
}

void tlb_drop_writes_to(Tlb *tlb, const uint8_t *host)
{
    for (unsigned b = 0; b < DATA_BANKS; b++)
        data_drop_writes_to(&tlb->data[b], (uintptr_t)host);
}

void tlb_drop_jump(Tlb *tlb, uint64_t ea)
{
    for (unsigned b = 0; b < CODE_BANKS; b++)
        if (fills(&tlb->code[b].head) && tlb->code[b].jump[JUMP_INDEX(ea)].ea == ea)
            tlb->code[b].jump[JUMP_INDEX(ea)].ea = JUMP_INVALID;
}
