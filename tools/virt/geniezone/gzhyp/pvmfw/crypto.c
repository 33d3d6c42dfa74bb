// SPDX-License-Identifier: GPL-2.0
/* SHA-512 and Ed25519 by libsodium, and the symbols that its objects need. */
#include <sodium/crypto_hash_sha512.h>
#include <sodium/crypto_sign_ed25519.h>

#include "lib/string.h"
#include "pvmfw/pvmfw.h"

_Static_assert(crypto_hash_sha512_BYTES == PVMFW_HASH_SIZE, "SHA-512");
_Static_assert(crypto_sign_ed25519_BYTES == PVMFW_SIGNATURE_SIZE, "Ed25519");

/* start.S has the public key. */
extern const u8 pvmfw_key[crypto_sign_ed25519_PUBLICKEYBYTES];

/**
 * pvmfw_is_signed() - verify a signature by the key of this firmware
 * @signature: %PVMFW_SIGNATURE_SIZE bytes
 * @data: what was signed
 * @size: bytes of it
 *
 * Return: whether it is good.
 */
bool pvmfw_is_signed(const u8 *signature, const void *data, u64 size)
{
	return !crypto_sign_ed25519_verify_detached(signature, data, size, pvmfw_key);
}

/**
 * pvmfw_hash() - compute a hash
 * @hash: gets %PVMFW_HASH_SIZE bytes
 * @data: of this
 * @size: bytes of it
 */
void pvmfw_hash(u8 *hash, const void *data, u64 size)
{
	crypto_hash_sha512(hash, data, size);
}

/*
 * The archive has these three in one object with functions that need a C library.
 * Nothing here is secret, so they need not take constant time.
 */
void sodium_memzero(void *p, size_t size);
int sodium_memcmp(const void *a, const void *b, size_t size);
int sodium_is_zero(const u8 *p, size_t size);

void sodium_memzero(void *p, size_t size)
{
	memset(p, 0, size);
}

int sodium_memcmp(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) ? -1 : 0;
}

int sodium_is_zero(const u8 *p, size_t size)
{
	while (size--)
		if (*p++)
			return 0;
	return 1;
}

/* Debian builds the archive with stack protection. Both ends are a fault. */
unsigned long __stack_chk_guard = 0x00f1e2d3c4b5a697;
void __noreturn __stack_chk_fail(void);
void __noreturn abort(void);

void __noreturn abort(void)
{
	__builtin_trap();
}

void __noreturn __stack_chk_fail(void)
{
	abort();
}
