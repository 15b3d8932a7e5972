"""Namespaces for a small Internet: a network and a mount namespace that nobody else is in.

Works as root, and as an ordinary user by a user namespace in which that user keeps its number: a
process has all capabilities there until it executes a program, which then runs as the plain user.
"""

import ctypes
import errno
import fcntl
import ipaddress
import os
import pathlib
import socket
import struct

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG, SIGKILL = 1, 9
RTM_NEWADDR, RTM_NEWROUTE = 20, 24
NLM_F_REQUEST_ACK_CREATE = 0x1 | 0x4 | 0x400
IFA_ADDRESS, IFA_LOCAL, IFA_F_NODAD, RTA_OIF = 1, 2, 0x02, 4
RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST = 254, 3, 1
LO = 1  # the index of lo in any network namespace

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def die_with_parent():
    _check(_libc.prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl")


def enter():
    """Leaves for new namespaces; true if a user namespace had to be among them."""
    flags = CLONE_NEWNS | CLONE_NEWNET
    if _libc.unshare(flags) == 0:
        return False
    if ctypes.get_errno() != errno.EPERM:
        _check(-1, "unshare")
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(CLONE_NEWUSER | flags), "unshare with a user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                       ("gid_map", f"{gid} {gid} 1")):
        pathlib.Path("/proc/self", name).write_text(text, encoding="ascii")
    return True


def keep_mounts_private():
    _check(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount / private")


def bind(source, target):
    """Shows a file under another name, in this mount namespace only."""
    target = os.path.realpath(target)
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None),
           f"bind {source} on {target}")


def hide(directory):
    """Covers a directory with an empty one."""
    _check(_libc.mount(b"none", os.fsencode(directory), b"tmpfs", 0, None), f"cover {directory}")


def set_up_lo():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        # SIOCSIFFLAGS with IFF_UP | IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))


def _netlink(kind, body):
    header = struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST_ACK_CREATE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        link.send(header + body)
        number = -struct.unpack_from("=i", link.recv(4096), 16)[0]
    if number not in (0, errno.EEXIST):
        raise OSError(number, os.strerror(number))


def _attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value


def _family(address):
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def add_address(text):
    """Gives lo an address of global scope."""
    address = ipaddress.ip_address(text)
    body = struct.pack("=BBBBI", _family(address), address.max_prefixlen, IFA_F_NODAD, 0, LO)
    for kind in (IFA_LOCAL, IFA_ADDRESS):
        body += _attribute(kind, address.packed)
    _netlink(RTM_NEWADDR, body)


def route_everything_to_lo():
    """What goes to an address that nobody has is sent, so that it can be seen, and lost."""
    for family in (socket.AF_INET, socket.AF_INET6):
        body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, 0,
                           RTN_UNICAST, 0)
        _netlink(RTM_NEWROUTE, body + _attribute(RTA_OIF, struct.pack("=I", LO)))


def set_parameter(name, text):
    """A parameter below /proc/sys/net."""
    pathlib.Path("/proc/sys/net", name).write_text(text, encoding="ascii")
