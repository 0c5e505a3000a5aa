# Small images: a program's files and the libraries that its loader asks for, and nothing else. Sourced.
# shellcheck shell=bash

# libraries ROOT FILE...: the paths of the shared libraries that files of ROOT (`/` or a Debian root) load.
libraries() {
    local root="$1" file
    shift
    for file in "$@"; do
        if [[ "$root" == / ]]; then ldd "$file"; else chroot "$root" ldd "$file"; fi 2>/dev/null || true
    done | sed -n 's/^.*=> \(\/[^ ]*\) .*$/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (0x.*$/\1/p' | sort -u
}

# copy_program ROOT TO FILE...: copies files with their libraries under TO, each to its own place.
copy_program() {
    local root="$1" to="$2" file
    shift 2
    for file in "$@" $(libraries "$root" "$@"); do copy_path "$root" "$to" "$file"; done
}

# copy_path ROOT TO PATH: one file (symlinks followed) or a whole folder.
copy_path() {
    local source="${1%/}$3" target="$2$3"
    if [[ -d "$source" ]]; then
        mkdir -p "$target"
        cp -a "$source/." "$target/"
    else
        # /lib and /bin are symlinks to /usr's in a merged root: keep it merged.
        case "$3" in /lib/* | /lib64/* | /bin/* | /sbin/*) target="$2/usr$3" ;; esac
        [[ -e "$target" ]] && return
        mkdir -p "$(dirname "$target")"
        if [[ "$1" == / ]]; then cp -L --preserve=mode "$source" "$target"; else
            cp -L --preserve=mode "${1%/}$(chroot "$1" readlink -f "$3")" "$target"
        fi
    fi
}

# merged_root TO: the symlinks, folders and users that every image has.
merged_root() {
    local to="$1" folder
    for folder in bin sbin lib lib64; do
        mkdir -p "$to/usr/$folder"
        ln -sfn "usr/$folder" "$to/$folder"
    done
    mkdir -p "$to"/{etc,tmp,run,proc,sys,dev,var/lib}
    mkdir -p "$to/var"
    ln -s ../run "$to/var/run"
    chmod 1777 "$to/tmp"
    printf 'root:x:0:0:root:/root:/bin/sh\nservice:x:999:999:service:/var/lib:/bin/sh\n' >"$to/etc/passwd"
    printf 'root:x:0:\nservice:x:999:\n' >"$to/etc/group"
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$to/etc/nsswitch.conf"
}
