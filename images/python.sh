# shellcheck shell=bash
# shellcheck disable=SC2154 # here, BINARIES and USER_ID come from images/rootfs
# The default image of runs: Debian's Python with numpy, pandas and openpyxl; read-only at run time, so compiled here.
rootfs_python() {
  local root=$1 mirror packages=python3,python3-numpy,python3-pandas,python3-openpyxl
  # shellcheck disable=SC2016 # apt's own format
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Origin: Debian' 2>/dev/null | head -n 1 || true)
  # In a mount namespace of its own: an end at the wrong moment leaves no /proc mounted there.
  unshare --mount debootstrap --variant=minbase --include="$packages" bookworm "$root" ${mirror:+"$mirror"}
  # Whoever hands the packages on has to hand on their licences.
  find "$root/usr/share/doc" ! -type d ! -name copyright ! -type l -delete
  find "$root/usr/share/doc" -xtype l -delete
  find "$root/usr/share/doc" -type d -empty -delete
  rm -rf "$root"/usr/share/{man,info,locale,lintian,bug,perl5} "$root"/usr/lib/python3*/{ensurepip,idlelib,turtledemo,test} \
    "$root"/usr/lib/python3/dist-packages/*/tests "$root"/usr/lib/python3/dist-packages/*/*/tests
  # Hashes rather than times: the image's files have no times, and nothing is ever compiled again.
  # /usr/share/python3, too: Debian's scripts compile it, and what they write depends on SOURCE_DATE_EPOCH.
  chroot "$root" /usr/bin/python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.11 /usr/share/python3
  chroot "$root" /usr/bin/python3 -c 'import numpy, pandas, openpyxl'
  rm -rf "${root:?}"/{dev,proc,sys,run,tmp,boot,media,mnt,srv,opt,home,root}/* "$root"/var/{lib/apt,cache,log,lib/dpkg/info}/*
  rm -f "$root"/usr/bin/{apt,apt-get,apt-cache,apt-key,apt-mark,apt-config,apt-cdrom}
  find "$root" -xdev -perm /6000 -type f -exec chmod a-s {} +
  ln -sfn python3 "$root/usr/bin/python"
  mkdir -p "$root"/{repo,inputs,data,outputs,upstream}
  chmod 1777 "$root/tmp"
  printf 'modelrun:x:%s:%s:modelrun:/tmp:/usr/sbin/nologin\n' "$USER_ID" "$USER_ID" >>"$root/etc/passwd"
  printf 'modelrun:x:%s:\n' "$USER_ID" >>"$root/etc/group"
  # The day on which each password was last changed is the day of making.
  sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\1:1:/' "$root/etc/shadow"
  rm -f "$root"/etc/{resolv.conf,hostname,machine-id,shadow-,passwd-,group-,gshadow-} "$root"/var/lib/dpkg/*-old
}
