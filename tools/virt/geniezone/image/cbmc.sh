#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: cbmc.sh DIR
#
# Debian 12 has no CBMC, the bounded model checker; Debian 13 has. Fetches it with the
# C library that it needs to DIR, installs nothing, and makes DIR/cbmc, which starts
# it. apt keeps its state in DIR and checks the signatures of what it fetches.

set -eu
. "$(dirname "$0")/lib.sh"

SUITE=trixie
PACKAGES="cbmc minisat libc6 libgcc-s1 libstdc++6 zlib1g"

[ $# = 1 ] || die "usage: cbmc.sh DIR"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -x "$dir/cbmc" ] || exit 0

opts=(-q
      -oAPT::Architecture=amd64 -oAPT::Architectures=amd64
      -oDir::Etc::sourcelist="$dir/sources.list" -oDir::Etc::sourceparts=/dev/null
      -oDir::State::Lists="$dir/lists" -oDir::State::status=/dev/null
      -oDir::Cache="$dir/cache" -oDebug::NoLocking=1
      -oAPT::Sandbox::User=root -oAcquire::Languages=none)

# The archive that this machine uses, with another suite
write_sources()
{
	local key=/usr/share/keyrings/debian-archive-keyring.gpg uri

	uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)' \
		'Created-By: Packages' | sed -n 's/ bookworm Debian main$//p' | head -n 1)
	[ -n "$uri" ] || die "apt-get knows no archive of Debian 12"
	echo "deb [signed-by=$key] $uri $SUITE main" >"$dir/sources.list"
}

export LC_ALL=C
echo "Fetching CBMC of Debian's $SUITE ..."
rm -rf "$dir/root" "$dir/deb"
mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/root" "$dir/deb"
write_sources
quietly "$LOGS/cbmc-update.log" apt-get "${opts[@]}" update
(cd "$dir/deb" && quietly "$LOGS/cbmc-download.log" \
	apt-get "${opts[@]}" download $PACKAGES)
for deb in "$dir"/deb/*.deb; do
	dpkg -x "$deb" "$dir/root"
done
rm -rf "$dir/deb" "$dir/lists" "$dir/cache"
lib=$dir/root/usr/lib/x86_64-linux-gnu
cat >"$dir/cbmc.new" <<END
#!/bin/sh
exec $lib/ld-linux-x86-64.so.2 --library-path $lib:$dir/root/usr/lib \\
	$dir/root/usr/bin/cbmc "\$@"
END
chmod +x "$dir/cbmc.new"
"$dir/cbmc.new" --version >/dev/null || die "CBMC does not start"
mv "$dir/cbmc.new" "$dir/cbmc"
