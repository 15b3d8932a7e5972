"""First messages of TLS clients (RFC 8446, section 4.1.2), of honest and of hostile ones."""

import struct

SERVER_NAME, PADDING = 0, 21
ENCRYPTED_HELLO, ENCRYPTED_NAME = 0xFE0D, 0xFFCE
SSL_2 = bytes.fromhex("802e010301001500000010") + bytes(37)


def vector8(data):
    return bytes([len(data)]) + data


def vector16(data):
    return struct.pack("!H", len(data)) + data


def extension(kind, data):
    return struct.pack("!H", kind) + vector16(data)


def names(*values, kind=0):
    """The extension that names servers."""
    listed = b"".join(bytes([kind]) + vector16(value) for value in values)
    return extension(SERVER_NAME, vector16(listed))


def message(*extensions, version=0x0303):
    usual = (extension(10, vector16(b"\0\x1d\0\x17")),  # groups
             extension(13, vector16(b"\4\3\x08\4")),  # signatures
             extension(16, vector16(vector8(b"h2") + vector8(b"http/1.1"))),
             extension(43, vector8(b"\3\4\3\3")))  # versions
    body = (struct.pack("!H", version) + bytes(range(32)) + vector8(bytes(32)) +
            vector16(b"\x13\1\xc0\x2b\xc0\x2f") + vector8(b"\0") +
            vector16(b"".join(extensions) + b"".join(usual)))
    return b"\1" + struct.pack("!I", len(body))[1:] + body


def records(data, size=16384):
    return b"".join(b"\x16\3\1" + vector16(data[at:at + size]) for at in range(0, len(data), size))


def hello(*extensions, size=16384, **more):
    return records(message(*extensions, **more), size)
