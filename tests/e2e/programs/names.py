"""Asks DNS servers and connects by name, as programs do that bring their own resolver.

    names.py query SERVER PORT udp|tcp HEX TYPE   a name by its wire form; "own": of resolv.conf
    names.py queries JSON                         a list of such
    names.py steps NAME PORT                      resolves and connects at each line of its input
    names.py connect PORT HOST...                 by getaddrinfo, in any notation
"""

import errno
import ipaddress
import json
import socket
import struct
import sys

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "NULL": 10, "PTR": 12, "MX": 15, "TXT": 16,
         "AAAA": 28, "SRV": 33, "SVCB": 64, "HTTPS": 65, "AXFR": 252, "ANY": 255}


def say(value):
    print(json.dumps(value), flush=True)


def exchange(server, port, transport, message):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as own:
        own.settimeout(5)
        own.connect((server, port))
        if transport == "udp":
            own.send(message)
            return own.recv(65536)
        own.sendall(struct.pack("!H", len(message)) + message)
        stream = own.makefile("rb")
        return stream.read(struct.unpack("!H", stream.read(2))[0])


def skip_name(message, offset):
    while message[offset]:
        if message[offset] >= 0xC0:
            return offset + 2
        offset += 1 + message[offset]
    return offset + 1


def addresses_in(reply):
    """The addresses and texts of the answers."""
    questions, answers = struct.unpack_from("!HH", reply, 4)
    offset, found = 12, []
    for _ in range(questions):
        offset = skip_name(reply, offset) + 4
    for _ in range(answers):
        offset = skip_name(reply, offset)
        kind, _, _, size = struct.unpack_from("!HHIH", reply, offset)
        data = reply[offset + 10:offset + 10 + size]
        if kind in (TYPES["A"], TYPES["AAAA"]):
            found.append(str(ipaddress.ip_address(data)))
        else:
            found.append(data.hex())
        offset += 10 + size
    return found


def own_resolver():
    with open("/etc/resolv.conf", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("nameserver"))


def query(server, port, transport, wire, kind):
    server = own_resolver() if server == "own" else server
    number = TYPES[kind] if kind in TYPES else int(kind)
    message = struct.pack("!HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + bytes.fromhex(wire)
    message += struct.pack("!HH", number, 1)
    try:
        reply = exchange(server, int(port), transport, message)
        return {"rcode": reply[3] & 15, "id": struct.unpack_from("!H", reply)[0],
                "answers": addresses_in(reply)}
    except OSError as error:
        return {"error": errno.errorcode.get(error.errno, str(error))}


def resolve(name, port):
    return [entry[4][0] for entry in
            socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]


def connect_to(addresses, port):
    """As programs do: the first address that works."""
    result = None
    for address in addresses:
        try:
            with socket.create_connection((address, port), timeout=5) as own:
                own.sendall(b"CANARY")
                return "ok"
        except OSError as error:
            result = errno.errorcode.get(error.errno, str(error))
    return result


def steps(name, port):
    """Lines of input: "resolve", "connect" to what was resolved last, "both", "around" it."""
    found = []
    for line in sys.stdin:
        try:
            if line.strip() in ("resolve", "both"):
                found = resolve(name, int(port))
                say(found)
            if line.strip() in ("connect", "both"):
                say(connect_to(found, int(port)))
            if line.strip() == "around":
                near = [ipaddress.ip_address(one) + step for one in found for step in (-1, 1, 2)]
                say([connect_to([str(one)], int(port)) for one in near if str(one) not in found])
        except socket.gaierror as error:
            found = []
            say({"gaierror": error.args[0]})


def main():
    if sys.argv[1] == "query":
        say(query(*sys.argv[2:]))
    elif sys.argv[1] == "queries":
        for one in json.loads(sys.argv[2]):
            say(query(*one))
    elif sys.argv[1] == "steps":
        steps(*sys.argv[2:])
    else:
        for host in sys.argv[3:]:
            try:
                say(connect_to(resolve(host, int(sys.argv[2])), int(sys.argv[2])))
            except (socket.gaierror, UnicodeError) as error:
                say({"gaierror": error.args[0]})


main()
