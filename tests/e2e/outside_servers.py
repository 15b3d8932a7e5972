"""The process in which the servers of an OutsideWorld live.

Started with a JSON object as its argument, it makes the namespaces and then does what lines of JSON
on standard input ask for, one reply a line. It ends when its input does, or whoever started it.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import resource
import socket
import ssl
import sys
import threading
import time

import outside_dns
import outside_handlers
import outside_namespace

RESOLVER = "127.0.0.53"  # of the world outside, named in its /etc/resolv.conf
PATIENCE = 60
SO_RCVBUFFORCE = 33
ETH_P_ALL, PACKET_OUTGOING = 3, 4
LISTEN_STATE = "0A"


def make_network(gid):
    outside_namespace.set_up_lo()
    outside_namespace.route_everything_to_lo()
    outside_namespace.set_parameter("ipv4/ip_unprivileged_port_start", "0")
    outside_namespace.set_parameter("ipv4/ping_group_range", f"{gid} {gid}")
    # A connection that nobody answers fails after three seconds.
    outside_namespace.set_parameter("ipv4/tcp_syn_retries", "1")


def make_mounts(files):
    outside_namespace.keep_mounts_private()
    for target, source in files.items():
        outside_namespace.bind(source, target)
    if os.path.isdir("/run/nscd"):
        outside_namespace.hide("/run/nscd")  # would answer with the machine's own names


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound(address, port, kind):
    made = socket.socket(family_of(address), kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, port))
    made.setblocking(False)
    return made


async def oracle(_, record, reader, writer):
    """Says nothing and keeps every byte."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            record["data"] += data.hex()
    writer.close()


async def echo(_, record, reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            record["bytes"] = record.get("bytes", 0) + len(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    writer.close()


async def greet(options, _, reader, writer):
    """Speaks first and ends at once."""
    with contextlib.suppress(OSError):
        writer.write(options.get("text", "hello\n").encode())
        writer.write_eof()
        await reader.read(65536)
    writer.close()


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in
               (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return method, target, headers, body


def file_reply(root, target):
    path = pathlib.Path(root, target.partition("?")[0].lstrip("/"))
    if not path.is_file():
        return "404 Not Found", b"not found\n", []
    return "200 OK", path.read_bytes(), []


def reply_to(options, target, body):
    """The status, the body and further header lines."""
    if options.get("root"):
        return file_reply(options["root"], target)
    if target.startswith("/redirect?to="):
        return "302 Found", b"", ["Location: " + target.partition("=")[2]]
    if target.startswith("/bytes/"):
        return "200 OK", b"x" * int(target.split("/")[2]), []
    return "200 OK", body or f"hello from {options['name']}{target}\n".encode(), []


async def http(options, record, reader, writer):
    requests = record.setdefault("requests", [])
    try:
        while True:
            method, target, headers, body = await read_request(reader)
            requests.append({"method": method, "target": target, "host": headers.get("host"),
                             "body": body.hex()})
            status, content, more = reply_to(options, target, body)
            lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *more,
                     "Content-Type: text/plain", "", ""]
            writer.write("\r\n".join(lines).encode() + (b"" if method == "HEAD" else content))
            await writer.drain()
            if headers.get("connection", "").lower() == "close":
                break
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
        pass
    writer.close()


HANDLERS = {"oracle": oracle, "echo": echo, "greet": greet, "http": http, "https": http,
            "bulk": outside_handlers.bulk, "web-socket": outside_handlers.web_socket}


class Datagrams(asyncio.DatagramProtocol):
    """Records each datagram; an echo returns it."""

    def __init__(self, service, address):
        self.service, self.address, self.transport = service, address, None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.service.records.append({"kind": "udp", "at": self.address, "peer": list(addr[:2]),
                                     "data": data.hex()})
        if self.service.kind == "echo":
            self.transport.sendto(data, addr)


class Service:
    """One kind of server at some addresses of one port."""

    def __init__(self, kind, addresses, port, options):
        self.kind, self.addresses, self.port, self.options = kind, addresses, port, options
        self.transports = options.get("transports", ["tcp"])
        self.records = []
        self.marks = set()  # datagrams of our own
        self.tasks = set()
        self.context = None
        if "certificate" in options:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(options["certificate"])

    def _keep(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def start(self):
        loop = asyncio.get_running_loop()
        for address in self.addresses:
            if "tcp" in self.transports:
                listener = bound(address, self.port, socket.SOCK_STREAM)
                listener.listen(4096)
                self._keep(self._accept(listener, address))
            if "udp" in self.transports:
                await loop.create_datagram_endpoint(
                    lambda at=address: Datagrams(self, at),
                    sock=bound(address, self.port, socket.SOCK_DGRAM))

    async def _accept(self, listener, address):
        loop = asyncio.get_running_loop()
        while True:
            connection, peer = await loop.sock_accept(listener)
            record = {"kind": "tcp", "at": address, "peer": list(peer[:2]), "data": ""}
            self.records.append(record)
            self._keep(self._handle(connection, record))

    async def _handle(self, connection, record):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection,
                                                              ssl=self.context)
        except OSError as error:
            record["failed"] = str(error)
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        if self.context is not None:
            record["tls"] = True
        await HANDLERS[self.kind](self.options, record, reader, writer)

    async def _until(self, found, again=None):
        deadline = time.monotonic() + PATIENCE
        while not found():
            assert time.monotonic() < deadline, f"{self.addresses} do not serve"
            await asyncio.sleep(0.01)
            if again is not None:
                again()

    async def _mark_stream(self, address):
        """A connection of our own: it is accepted after all that came before."""
        with socket.socket(family_of(address), socket.SOCK_STREAM) as own:
            own.setblocking(False)
            await asyncio.get_running_loop().sock_connect(own, (address, self.port))
            name = list(own.getsockname()[:2])
            await self._until(lambda: any(one["peer"] == name for one in self.records))
        self.records[:] = [one for one in self.records if one["peer"] != name]

    async def _mark_datagrams(self, address):
        """A datagram of our own, until one gets through: a full socket loses them."""
        mark = os.urandom(16)
        self.marks.add(mark.hex())
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as own:
            own.connect((address, self.port))
            own.send(mark)
            await self._until(lambda: any(one["data"] == mark.hex() for one in self.records),
                              lambda: own.send(mark))

    async def settled(self):
        """What arrived before this call."""
        for address in self.addresses:
            if "tcp" in self.transports:
                await self._mark_stream(address)
            if "udp" in self.transports:
                await self._mark_datagrams(address)
        self.records[:] = [one for one in self.records if one["data"] not in self.marks]
        return self.records


class Tap:
    """Sees every packet that is sent in the world outside."""

    def __init__(self):
        self.packets = []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        with contextlib.suppress(PermissionError):
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind(("lo", ETH_P_ALL))
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while True:
            data, (_, protocol, direction, _, _) = self.socket.recvfrom(65536)
            if direction == PACKET_OUTGOING:
                self.packets.append(self._describe(protocol, data))

    @staticmethod
    def _describe(protocol, data):
        found = {"ether": protocol, "canary": b"CANARY" in data}
        if protocol == 0x0800 and len(data) >= 20:
            found |= {"protocol": data[9], "source": socket.inet_ntop(socket.AF_INET, data[12:16]),
                      "target": socket.inet_ntop(socket.AF_INET, data[16:20])}
        elif protocol == 0x86DD and len(data) >= 40:
            found |= {"protocol": data[6], "source": socket.inet_ntop(socket.AF_INET6, data[8:24]),
                      "target": socket.inet_ntop(socket.AF_INET6, data[24:40])}
        return found

    async def settled(self):
        """All that was sent before this call: packets are seen in their order on a machine's lo."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.connect(("127.1.2.3", 9))
            own.send(b"mark")
        deadline = time.monotonic() + PATIENCE
        while not (marks := [one for one in self.packets if one.get("target") == "127.1.2.3"]):
            assert time.monotonic() < deadline, "the tap sees nothing"
            await asyncio.sleep(0.001)
        self.packets.remove(marks[0])
        return self.packets


def listening():
    """The local ends of all that listens or takes datagrams here: as the kernel writes them."""
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "icmp", "icmp6"):
        with contextlib.suppress(FileNotFoundError), \
                open(f"/proc/self/net/{name}", encoding="ascii") as table:
            for line in list(table)[1:]:
                words = line.split()
                peer = words[2].split(":")[0].strip("0")
                if words[3] == LISTEN_STATE if name.startswith("tcp") else not peer:
                    found.add(f"{name} {words[1]}")
    return found


class Watch:
    """Notices listeners that come up while it watches, however short their life."""

    def __init__(self):
        self.known = listening()
        self.found = set()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.stopped.wait(0.0005):
            self.found |= listening() - self.known

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return sorted(self.found | (listening() - self.known))


class Outside:
    """Does what the lines ask for: a method for each."""

    def __init__(self):
        self.zone = outside_dns.Zone()
        self.services = []
        self.tap = None
        self.watch = None

    async def do_address(self, address):
        outside_namespace.add_address(address)

    async def do_dns_at(self, address):
        await outside_dns.serve(self.zone, address)

    async def do_dns_set(self, name, answers, ttl):
        self.zone.set(name, answers, ttl)

    async def do_dns_queries(self):
        return self.zone.queries

    async def do_serve(self, kind, addresses, port, options):
        service = Service(kind, addresses, port, options)
        await service.start()
        self.services.append(service)
        return len(self.services) - 1

    async def do_records(self, service):
        return await self.services[service].settled()

    async def do_forget(self, service):
        self.services[service].records.clear()

    async def do_tap(self):
        self.tap = Tap()

    async def do_packets(self):
        return await self.tap.settled()

    async def do_listening(self):
        return sorted(listening())

    async def do_watch(self):
        self.watch = Watch()

    async def do_watched(self):
        return self.watch.stop()


async def serve_requests():
    outside = Outside()
    await outside_dns.serve(outside.zone, RESOLVER)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        name, arguments = json.loads(line)
        try:
            reply = {"ok": await getattr(outside, "do_" + name)(*arguments)}
        except Exception as error:  # pylint: disable=broad-except # the tests' side raises it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


def main():
    outside_namespace.die_with_parent()
    try:
        with_user = outside_namespace.enter()
        make_network(os.getgid())
        make_mounts(json.loads(sys.argv[1]))
    except OSError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(json.dumps({"ok": {"user": with_user}}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve_requests())


if __name__ == "__main__":
    main()
