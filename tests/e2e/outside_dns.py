"""A small authoritative DNS server: answers as told, logs each query, can change its mind."""

import asyncio
import ipaddress
import struct

TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28}
NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, NXDOMAIN = 0, 1, 3
RESPONSE, AUTHORITATIVE, TRUNCATED, RECURSION_DESIRED = 0x8000, 0x0400, 0x0200, 0x0100
MOST_CNAMES = 8


def parse_name(message, offset):
    """A name without compression: its labels, and where it ends."""
    labels = []
    while (length := message[offset]) != 0:
        if length > 63:
            raise ValueError("not a plain label")
        labels.append(message[offset + 1:offset + 1 + length])
        offset += 1 + length
    return labels, offset + 1


def text_of(labels):
    """With a dot within a label shown as one: no two names have the same text."""
    plain = [label.replace(b"\\", b"\\\\").replace(b".", b"\\.") for label in labels]
    return b".".join(plain).lower().decode("latin-1")


def pack_name(name):
    packed = b""
    for label in name.encode("latin-1").split(b"."):
        packed += bytes([len(label)]) + label
    return packed + b"\0"


def pack_data(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "CNAME":
        return pack_name(value)
    text = value.encode("latin-1")
    return bytes([len(text)]) + text


class Zone:
    """What names resolve to. A value may be a sequence of answers, of which the last one stays."""

    def __init__(self):
        self.names = {}
        self.queries = []

    def set(self, name, answers, ttl=60):
        """`answers`: a dictionary like {"A": ["45.67.113.1"]}, or a list of such, one per query
        of a type that it has; None: no such name."""
        if answers is None:
            self.names.pop(name.lower(), None)
        else:
            sequence = answers if isinstance(answers, list) else [answers]
            self.names[name.lower()] = {"sequence": sequence, "ttl": ttl, "asked": {}}

    def _answers(self, name, kind):
        entry = self.names[name]
        asked = entry["asked"].get(kind, 0)
        entry["asked"][kind] = asked + 1
        return entry["sequence"][min(asked, len(entry["sequence"]) - 1)], entry["ttl"]

    def look_up(self, name, kind):
        """A code and records: (name, type, ttl, value)."""
        records = []
        for _ in range(MOST_CNAMES):
            if name not in self.names:
                return (NOERROR if records else NXDOMAIN), records
            answers, ttl = self._answers(name, kind)
            records += [(name, kind, ttl, value) for value in answers.get(kind, [])]
            if kind == "CNAME" or "CNAME" not in answers:
                break
            target = answers["CNAME"][0]
            records.append((name, "CNAME", ttl, target))
            name = target.lower()
        return NOERROR, records

    def answer(self, message, server, peer, transport):
        """The reply to a message, or None where there is nothing to reply to."""
        if len(message) < 12:
            return None
        number, flags, questions = struct.unpack_from("!HHH", message)
        query = {"server": server, "peer": peer, "transport": transport, "wire": message.hex()}
        self.queries.append(query)
        head = RESPONSE | AUTHORITATIVE | flags & RECURSION_DESIRED
        try:
            labels, end = parse_name(message, 12)
            kind_number, = struct.unpack_from("!H", message, end)
        except (ValueError, IndexError, struct.error):
            return struct.pack("!HHHHHH", number, head | FORMERR, 0, 0, 0, 0)
        query["name"] = text_of(labels)
        query["type"] = NAMES.get(kind_number, str(kind_number))
        question = message[12:end + 4]
        code, records = self.look_up(query["name"], query["type"])
        body = b"".join(self._pack(record) for record in records)
        if transport == "udp" and len(question) + len(body) > 500:
            return struct.pack("!HHHHHH", number, head | TRUNCATED, 1, 0, 0, 0) + question
        assert questions == 1
        return struct.pack("!HHHHHH", number, head | code, 1, len(records), 0, 0) + question + body

    @staticmethod
    def _pack(record):
        name, kind, ttl, value = record
        data = pack_data(kind, value)
        return pack_name(name) + struct.pack("!HHIH", TYPES[kind], 1, ttl, len(data)) + data


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone, server):
        self.zone, self.server, self.transport = zone, server, None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        reply = self.zone.answer(data, self.server, list(addr[:2]), "udp")
        if reply is not None:
            self.transport.sendto(reply, addr)


async def _stream(zone, server, reader, writer):
    peer = list(writer.get_extra_info("peername")[:2])
    try:
        while True:
            length, = struct.unpack("!H", await reader.readexactly(2))
            reply = zone.answer(await reader.readexactly(length), server, peer, "tcp")
            if reply is not None:
                writer.write(struct.pack("!H", len(reply)) + reply)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def serve(zone, address, port=53):
    """Serves on an address by UDP and TCP."""
    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(zone, address), local_addr=(address, port))
    return await asyncio.start_server(
        lambda reader, writer: _stream(zone, address, reader, writer), address, port)
