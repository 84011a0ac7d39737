"""Prints the folder below a prefix in which this Python looks for compiled packages.

Usage: site_folder.py PREFIX
"""
import sys
import sysconfig

prefix = sys.argv[1]
scheme, base = "posix_prefix", prefix
# Debian's Python looks below /usr/local for what people install, and elsewhere than Python does.
debian = {"/usr": ("deb_system", "/usr"), "/usr/local": ("posix_local", "/usr")}
if "deb_system" in sysconfig.get_scheme_names() and prefix in debian:
    scheme, base = debian[prefix]
print(sysconfig.get_path("platlib", scheme, {name: base for name in ("base", "platbase", "installed_base",
                                                                     "installed_platbase")}))
