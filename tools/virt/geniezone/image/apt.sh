# SPDX-License-Identifier: GPL-2.0
#
# Functions to fetch programs of newer suites of Debian than this machine's. Source this
# file after lib.sh, do not run it. Nothing is installed: apt keeps its state in a
# directory of its own, and checks the signatures of what it fetches.

# apt_begin DIR SUITE...: apt uses DIR, and the suites of the archive that this machine
# uses. The last suite's versions are preferred.
apt_begin()
{
	local dir=$1 key=/usr/share/keyrings/debian-archive-keyring.gpg uri suite
	shift

	apt_opts=(-q -y
		  -oAPT::Architecture=amd64 -oAPT::Architectures=amd64
		  -oDir::Etc::sourcelist="$dir/sources.list"
		  -oDir::Etc::sourceparts=/dev/null
		  -oDir::State::Lists="$dir/lists" -oDir::State::status=/dev/null
		  -oDir::Cache="$dir/cache" -oDebug::NoLocking=1
		  -oAPT::Sandbox::User=root -oAcquire::Languages=none
		  -oAPT::Default-Release="${!#}")
	uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)' \
		'Created-By: Packages' | sed -n 's/ bookworm Debian main$//p' | head -n 1)
	[ -n "$uri" ] || die "apt-get knows no archive of Debian 12"
	rm -rf "$dir/root" "$dir/deb"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/root" "$dir/deb"
	for suite; do
		echo "deb [signed-by=$key] $uri $suite main"
	done >"$dir/sources.list"
	quietly "$LOGS/$(basename "$dir")-update.log" apt-get "${apt_opts[@]}" update
}

# apt_unpack DIR DEB...: unpacks packages in DIR/root, and removes what apt has left
apt_unpack()
{
	local dir=$1 deb
	shift

	for deb; do
		dpkg -x "$deb" "$dir/root"
	done
	rm -rf "$dir/deb" "$dir/lists" "$dir/cache"
}

# make_starter DIR PROGRAM [ARGUMENT...]: makes DIR/PROGRAM, which starts that of
# DIR/root with the C library that is there
make_starter()
{
	local dir=$1 program=$2 lib=$1/root/usr/lib/x86_64-linux-gnu
	shift 2

	cat >"$dir/$program.new" <<END
#!/bin/sh
exec $lib/ld-linux-x86-64.so.2 --library-path $lib:$dir/root/usr/lib \\
	$dir/root/usr/bin/$program $* "\$@"
END
	chmod +x "$dir/$program.new"
	"$dir/$program.new" --version >/dev/null || die "$program does not start"
	mv "$dir/$program.new" "$dir/$program"
}
