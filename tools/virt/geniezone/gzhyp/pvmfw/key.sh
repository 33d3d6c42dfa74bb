#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# usage: key.sh PEM OUT
#
# Writes the 32 bytes of an Ed25519 public key. PEM has it, or the private key.

set -eu
openssl pkey -pubin -in "$1" -outform DER -out "$2" 2>/dev/null ||
	openssl pkey -in "$1" -pubout -outform DER -out "$2" </dev/null
# RFC 8410: SubjectPublicKeyInfo of 44 bytes; 06 03 2b 65 70 is the OID of Ed25519
case $(od -An -tx1 "$2" | tr -d ' \n') in
302a300506032b6570032100*) ;;
*)
	echo "$1: not an Ed25519 key" >&2
	rm -f "$2"
	exit 1 ;;
esac
tail -c 32 "$2" >"$2.raw"
mv "$2.raw" "$2"
