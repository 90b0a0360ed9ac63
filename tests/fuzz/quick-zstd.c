/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libzstd asks the processor what it can do whenever it makes a context, and in a virtual machine
 * that question takes longer than all the rest of an input. So there is one context of each kind;
 * the linker puts these in the place of the library's (--wrap).
 */
#include <stddef.h>
#include <zstd.h>

ZSTD_CCtx *__real_ZSTD_createCCtx(void);
ZSTD_CCtx *__wrap_ZSTD_createCCtx(void);
size_t __wrap_ZSTD_freeCCtx(ZSTD_CCtx *context);
size_t __wrap_ZSTD_decompress(void *to, size_t room, const void *from, size_t length);

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void)
{
    static ZSTD_CCtx *only;
    if (!only)
        only = __real_ZSTD_createCCtx();
    return only;
}

size_t __wrap_ZSTD_freeCCtx(ZSTD_CCtx *context)
{
    return 0;
}

size_t __wrap_ZSTD_decompress(void *to, size_t room, const void *from, size_t length)
{
    static ZSTD_DCtx *only;
    if (!only)
        only = ZSTD_createDCtx();
    return ZSTD_decompressDCtx(only, to, room, from, length);
}
