"""A guest configuration on standard input, read by xl's own library; what it found, as JSON."""

import ctypes
import json
import sys

pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
try:
    xlu = ctypes.CDLL("libxlutil.so.4.17")
except OSError as error:
    sys.exit(f"{error}: install the Debian package libxenmisc4.17")
fdopen = ctypes.CDLL(None).fdopen
fdopen.restype = pointer
xlu.xlu_cfg_init.argtypes, xlu.xlu_cfg_init.restype = [pointer, text], pointer
xlu.xlu_cfg_readdata.argtypes = [pointer, text, integer]
xlu.xlu_cfg_get_string.argtypes = [pointer, text, ctypes.POINTER(text), integer]
xlu.xlu_cfg_get_list.argtypes = [pointer, text, ctypes.POINTER(pointer), ctypes.POINTER(integer), integer]
xlu.xlu_cfg_get_listitem.argtypes, xlu.xlu_cfg_get_listitem.restype = [pointer, integer], text
xlu.xlu_disk_parse.argtypes = [pointer, integer, ctypes.POINTER(text), pointer]

config = xlu.xlu_cfg_init(fdopen(2, b"w"), b"guest")
source = sys.stdin.buffer.read()
if xlu.xlu_cfg_readdata(config, source, len(source)):
    sys.exit(1)


def items(name):
    found, count = pointer(), integer()
    if xlu.xlu_cfg_get_list(config, name.encode(), ctypes.byref(found), ctypes.byref(count), 1):
        sys.exit(f"no list {name}")
    return [xlu.xlu_cfg_get_listitem(found, index).decode() for index in range(count.value)]


def value(name):
    found = text()
    return None if xlu.xlu_cfg_get_string(config, name.encode(), ctypes.byref(found), 1) else found.value.decode()


def disk(specification):
    """libxl_device_disk begins with the back end's number and name, the Dom0's path and the guest's name."""
    parsed = ctypes.create_string_buffer(4096)
    if xlu.xlu_disk_parse(config, 1, (text * 1)(specification.encode()), parsed):
        sys.exit(f"no disk: {specification}")
    return [ctypes.cast(pointer.from_buffer(parsed, at).value, text).value.decode() for at in (16, 24)]


names = "name uuid memory vcpus cpus kernel ramdisk extra bootloader type builder on_poweroff on_reboot on_crash"
print(
    json.dumps(
        {
            **{name: value(name) for name in names.split()},
            "vif": items("vif"),
            "disk": [disk(one) for one in items("disk")],
        }
    )
)
