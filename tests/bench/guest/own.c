/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two more benchmark programs in the manner of bench.c, which stays as it is: fixed work, one
 * RESULT line, the same check on every machine.  usage: bench-own NAME N
 *
 * lz     packs 256 KiB of text with a byte-oriented LZ77 (hash chains, 64 KiB window) and unpacks
 * it, N times: byte loads, short copies, table look-ups, branches that predict badly. chess  counts
 * the leaves of the move trees of four positions, N times: a move generator with castling, en
 * passant and promotion; the sums are known from the literature, so a wrong one says so.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static uint64_t fnv(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        hash = (hash ^ (value >> (8 * i) & 0xff)) * 0x100000001b3ull;
    return hash;
}
#define FNV0 0xcbf29ce484222325ull

/* --- lz --------------------------------------------------------------------------------------- */

#define TEXT_SIZE (256u << 10)
#define WINDOW    65535u
#define HASH_BITS 14
#define MIN_MATCH 4u
#define MAX_MATCH (MIN_MATCH + 255u)
#define MAX_CHAIN 16

typedef struct {
    uint8_t text[TEXT_SIZE], packed[TEXT_SIZE * 2], unpacked[TEXT_SIZE];
    int32_t head[1 << HASH_BITS], previous[TEXT_SIZE];
} Lz;

/* Words of a small vocabulary and numbers, from a generator seeded by the round. */
static void make_text(uint8_t *text, uint32_t seed)
{
    static const char *const words[] = { "instruction ", "and ",   "the ",       "register",
                                         ", ",           "load ",  "store ",     "\n",
                                         "branch ",      "of ",    "condition ", "field ",
                                         "0x",           "cache ", "line ",      "a " };
    uint32_t state = seed * 2654435761u | 1;
    for (uint32_t at = 0; at < TEXT_SIZE;) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        const char *word = words[state & 15];
        if ((state >> 8 & 7) == 0)
            text[at++] = 'a' + (state >> 16) % 26;
        for (; *word && at < TEXT_SIZE; word++)
            text[at++] = (uint8_t)*word;
    }
}

static uint32_t hash4(const uint8_t *p)
{
    uint32_t word = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
    return word * 2654435761u >> (32 - HASH_BITS);
}

static uint32_t match_length(const uint8_t *a, const uint8_t *b, uint32_t limit)
{
    uint32_t length = 0;
    while (length < limit && a[length] == b[length])
        length++;
    return length;
}

static uint32_t longest_match(const Lz *lz, uint32_t at, uint32_t *from)
{
    uint32_t left = TEXT_SIZE - at, limit = left < MAX_MATCH ? left : MAX_MATCH, best = 0;
    int32_t candidate = lz->head[hash4(lz->text + at)];
    for (int tries = 0; candidate >= 0 && at - (uint32_t)candidate <= WINDOW && tries < MAX_CHAIN;
         tries++) {
        uint32_t length = match_length(lz->text + candidate, lz->text + at, limit);
        if (length > best)
            best = length, *from = (uint32_t)candidate;
        candidate = lz->previous[candidate];
    }
    return best;
}

static void remember(Lz *lz, uint32_t at)
{
    if (at + MIN_MATCH > TEXT_SIZE)
        return;
    uint32_t slot = hash4(lz->text + at);
    lz->previous[at] = lz->head[slot];
    lz->head[slot] = (int32_t)at;
}

/* A control byte tells eight items apart: a literal byte, or distance (2 bytes) and length - 4. */
static uint32_t pack(Lz *lz)
{
    uint8_t *out = lz->packed, *control = out++;
    int items = 0;
    memset(lz->head, 0xff, sizeof lz->head);
    *control = 0;
    for (uint32_t at = 0; at < TEXT_SIZE; items++) {
        uint32_t from = 0, length = at + MIN_MATCH <= TEXT_SIZE ? longest_match(lz, at, &from) : 0;
        if (items == 8)
            items = 0, control = out++, *control = 0;
        if (length >= MIN_MATCH) {
            uint32_t distance = at - from;
            *control |= (uint8_t)(1 << items);
            *out++ = (uint8_t)distance, *out++ = (uint8_t)(distance >> 8),
            *out++ = (uint8_t)(length - MIN_MATCH);
        } else {
            length = 1;
            *out++ = lz->text[at];
        }
        while (length--)
            remember(lz, at++);
    }
    return (uint32_t)(out - lz->packed);
}

static void unpack(Lz *lz)
{
    const uint8_t *in = lz->packed;
    for (uint32_t at = 0; at < TEXT_SIZE;) {
        unsigned control = *in++;
        for (int item = 0; item < 8 && at < TEXT_SIZE; item++, control >>= 1) {
            if (!(control & 1)) {
                lz->unpacked[at++] = *in++;
                continue;
            }
            uint32_t distance = in[0] | in[1] << 8, length = in[2] + MIN_MATCH;
            for (in += 3; length--; at++)
                lz->unpacked[at] = lz->unpacked[at - distance];
        }
    }
}

static uint64_t run_lz(long n)
{
    Lz *lz = malloc(sizeof *lz);
    uint64_t hash = FNV0;
    for (long round = 0; round < n; round++) {
        make_text(lz->text, (uint32_t)round + 1);
        uint32_t size = pack(lz);
        memset(lz->unpacked, 0, TEXT_SIZE);
        unpack(lz);
        if (memcmp(lz->text, lz->unpacked, TEXT_SIZE)) {
            fprintf(stderr, "lz: what was unpacked is not what was packed\n");
            exit(1);
        }
        for (uint32_t i = 0; i < size; i += 16)
            hash = fnv(hash, lz->packed[i]);
        hash = fnv(hash, size);
    }
    free(lz);
    return hash;
}

/* --- chess ------------------------------------------------------------------------------------ */

/* Squares are 16 * rank + file; one with a bit of 0x88 is off the board.  Black's pieces are
 * negative. */
enum { EMPTY, PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING };
enum { WHITE_SHORT = 1, WHITE_LONG = 2, BLACK_SHORT = 4, BLACK_LONG = 8 };

typedef struct {
    int8_t board[128];
    int8_t side; /* 1: white to move, -1: black */
    uint8_t castling;
    int16_t passant; /* the square behind a pawn that moved two, or -1 */
    int16_t king[2]; /* white's, black's */
} Chess;

typedef struct {
    int16_t from, to;
    int8_t promotion;
} Move;

typedef struct {
    Move move[256];
    int count;
} Moves;

static const int8_t knight_steps[] = { 31, 33, 14, 18, -31, -33, -14, -18 };
static const int8_t king_steps[] = {
    16, 1, -16, -1, 17, 15, -17, -15
}; /* rook's first, then bishop's */

static int on_board(int square)
{
    return !(square & 0x88);
}

static int attacked(const Chess *c, int square, int by)
{
    for (int side = -1; side <= 1; side += 2) {
        int from = square - 16 * by + side;
        if (on_board(from) && c->board[from] == PAWN * by)
            return 1;
    }
    for (int i = 0; i < 8; i++) {
        int from = square + knight_steps[i];
        if (on_board(from) && c->board[from] == KNIGHT * by)
            return 1;
    }
    for (int i = 0; i < 8; i++) {
        int from = square + king_steps[i];
        if (on_board(from) && c->board[from] == KING * by)
            return 1;
        while (on_board(from) && !c->board[from])
            from += king_steps[i];
        int piece = on_board(from) ? c->board[from] * by : EMPTY;
        if (piece == QUEEN || piece == (i < 4 ? ROOK : BISHOP))
            return 1;
    }
    return 0;
}

static void add(Moves *moves, int from, int to, int promotion)
{
    moves->move[moves->count++] = (Move){ (int16_t)from, (int16_t)to, (int8_t)promotion };
}

static void add_pawn(Moves *moves, int from, int to)
{
    if ((to >> 4) % 7) {
        add(moves, from, to, EMPTY);
        return;
    }
    for (int piece = KNIGHT; piece <= QUEEN; piece++)
        add(moves, from, to, piece);
}

static void pawn_moves(const Chess *c, Moves *moves, int from)
{
    int step = 16 * c->side, home = c->side > 0 ? 1 : 6;
    if (!c->board[from + step]) {
        add_pawn(moves, from, from + step);
        if (from >> 4 == home && !c->board[from + 2 * step])
            add(moves, from, from + 2 * step, EMPTY);
    }
    for (int side = -1; side <= 1; side += 2) {
        int to = from + step + side;
        if (on_board(to) && (c->board[to] * c->side < 0 || to == c->passant))
            add_pawn(moves, from, to);
    }
}

static void step_moves(const Chess *c, Moves *moves, int from, const int8_t *steps, int first,
                       int last, int slides)
{
    for (int i = first; i < last; i++)
        for (int to = from + steps[i]; on_board(to) && c->board[to] * c->side <= 0;
             to += steps[i]) {
            add(moves, from, to, EMPTY);
            if (c->board[to] || !slides)
                break;
        }
}

static void castling_moves(const Chess *c, Moves *moves)
{
    int white = c->side > 0, king = white ? 0x04 : 0x74;
    const int8_t *row = c->board + king;
    if (attacked(c, king, -c->side))
        return;
    if (c->castling & (white ? WHITE_SHORT : BLACK_SHORT) && !row[1] && !row[2] &&
        !attacked(c, king + 1, -c->side))
        add(moves, king, king + 2, EMPTY);
    if (c->castling & (white ? WHITE_LONG : BLACK_LONG) && !row[-1] && !row[-2] && !row[-3] &&
        !attacked(c, king - 1, -c->side))
        add(moves, king, king - 2, EMPTY);
}

static void all_moves(const Chess *c, Moves *moves)
{
    moves->count = 0;
    for (int from = 0; from < 128; from++) {
        if (!on_board(from) || c->board[from] * c->side <= 0)
            continue;
        switch (c->board[from] * c->side) {
        case PAWN: pawn_moves(c, moves, from); break;
        case KNIGHT: step_moves(c, moves, from, knight_steps, 0, 8, 0); break;
        case BISHOP: step_moves(c, moves, from, king_steps, 4, 8, 1); break;
        case ROOK: step_moves(c, moves, from, king_steps, 0, 4, 1); break;
        case QUEEN: step_moves(c, moves, from, king_steps, 0, 8, 1); break;
        case KING:
            step_moves(c, moves, from, king_steps, 0, 8, 0);
            castling_moves(c, moves);
            break;
        }
    }
}

/* Rights that a move from or to the square takes away. */
static unsigned rights_of(int square)
{
    switch (square) {
    case 0x00: return WHITE_LONG;
    case 0x04: return WHITE_LONG | WHITE_SHORT;
    case 0x07: return WHITE_SHORT;
    case 0x70: return BLACK_LONG;
    case 0x74: return BLACK_LONG | BLACK_SHORT;
    case 0x77: return BLACK_SHORT;
    default: return 0;
    }
}

static void make_move(Chess *c, const Move *m)
{
    int piece = c->board[m->from], kind = piece * c->side;
    c->board[m->to] = (int8_t)(m->promotion ? m->promotion * c->side : piece);
    c->board[m->from] = EMPTY;
    if (kind == PAWN && m->to == c->passant)
        c->board[m->to - 16 * c->side] = EMPTY;
    if (kind == KING) {
        c->king[c->side < 0] = m->to;
        int rook = m->to > m->from ? m->to + 1 : m->to - 2;
        if (abs(m->to - m->from) == 2) {
            c->board[(m->from + m->to) / 2] = c->board[rook];
            c->board[rook] = EMPTY;
        }
    }
    c->passant = kind == PAWN && abs(m->to - m->from) == 32 ? (int16_t)((m->from + m->to) / 2) : -1;
    c->castling &= (uint8_t) ~(rights_of(m->from) | rights_of(m->to));
    c->side = (int8_t)-c->side;
}

static uint64_t leaves(const Chess *c, int depth)
{
    Moves moves;
    uint64_t sum = 0;
    all_moves(c, &moves);
    for (int i = 0; i < moves.count; i++) {
        Chess next = *c;
        make_move(&next, &moves.move[i]);
        if (!attacked(&next, next.king[c->side < 0], next.side))
            sum += depth > 1 ? leaves(&next, depth - 1) : 1;
    }
    return sum;
}

/* A position: rows from the eighth down, white to move, no en passant. */
static Chess read_position(const char *rows, unsigned castling)
{
    static const char names[] = " pnbrqk";
    Chess c = { .side = 1, .castling = (uint8_t)castling, .passant = -1 };
    int square = 0x70;
    for (; *rows; rows++) {
        if (*rows == '/') {
            square = (square & 0x70) - 16;
        } else if (*rows >= '1' && *rows <= '8') {
            square += *rows - '0';
        } else {
            int white = *rows < 'a', kind = (int)(strchr(names, *rows | 0x20) - names);
            if (kind == KING)
                c.king[!white] = (int16_t)square;
            c.board[square++] = (int8_t)(white ? kind : -kind);
        }
    }
    return c;
}

static uint64_t run_chess(long n)
{
    static const struct {
        const char *rows;
        unsigned castling;
        int depth;
        uint64_t leaves;
    } positions[] = {
        { "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR", 15, 4, 197281 },
        { "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R", 15, 3, 97862 },
        { "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8", 0, 4, 43238 },
        { "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1", 12, 3, 9467 },
    };
    uint64_t hash = FNV0;
    for (long round = 0; round < n; round++)
        for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
            Chess c = read_position(positions[i].rows, positions[i].castling);
            uint64_t sum = leaves(&c, positions[i].depth);
            if (sum != positions[i].leaves) {
                fprintf(stderr, "chess: position %d has %d leaves, counted %llu\n", (int)i,
                        (int)positions[i].leaves, (unsigned long long)sum);
                exit(1);
            }
            hash = fnv(hash, sum);
        }
    return hash;
}

int main(int count, char **words)
{
    uint64_t (*run)(long) = NULL;
    if (count == 3)
        run = !strcmp(words[1], "lz") ? run_lz : !strcmp(words[1], "chess") ? run_chess : NULL;
    if (!run) {
        fprintf(stderr, "usage: bench-own lz|chess N\n");
        return 1;
    }
    long n = atol(words[2]);
    double start = now();
    uint64_t check = run(n);
    printf("RESULT %s n=%ld guest_s=%.4f check=%016llx\n", words[1], n, now() - start,
           (unsigned long long)check);
    return 0;
}
