/* SPDX-License-Identifier: ISC */
/*
 * What differs between machines, so that nothing else needs #if.
 * Layer: base.
 */
#ifndef BASE_COMPAT_H
#define BASE_COMPAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * The processor's CRC32C instruction.  Functions that use it are marked
 * WITH_CPU_CRC32C and only called when cpu_has_crc32c().
 */
#if defined(__x86_64__)
#define WITH_CPU_CRC32C         __attribute__((target("sse4.2")))
#define cpu_has_crc32c()        __builtin_cpu_supports("sse4.2")
#define cpu_crc32c_1(crc, byte) __builtin_ia32_crc32qi((crc), (byte))
#define cpu_crc32c_8(crc, word) __builtin_ia32_crc32di((crc), (word))
#else
#define WITH_CPU_CRC32C
#define cpu_has_crc32c()        false
#define cpu_crc32c_1(crc, byte) (abort(), (crc) ^ (byte))
#define cpu_crc32c_8(crc, word) (abort(), (crc) ^ (word))
#endif

#endif
