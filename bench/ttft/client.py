"""Asks each side for a short streamed answer, in rounds, from the host itself; prints the times as JSON.

PLAN is set before this text: sides, rounds, the peer's nginx configuration. One connection per side, kept alive. The time
ends with the first token that is not empty, as the smoke test counts it.
"""

import gc
import json
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

TOKEN = re.compile(rb'"content":"[^"]')
# nginx ends a connection after 1000 requests.
ROUNDS_PER_CONNECTION = 500
END = b"0\r\n\r\n"


class Side:
    def __init__(self, side):
        self.name = side["name"]
        body = side["body"].encode()
        head = [f"POST {side['path']} HTTP/1.1", f"Content-Length: {len(body)}", *side["headers"], "", ""]
        self.request = "\r\n".join(head).encode() + body
        self.address = (side["address"], side["port"])
        self.server_name = side["serverName"]
        self.socket = None

    def connect(self):
        if self.socket:
            self.socket.close()
        self.socket = socket.create_connection(self.address, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server_name:
            # The certificate is the smoke test's affair; here it only costs what it costs everybody.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, server_hostname=self.server_name)

    def first_token_nanoseconds(self):
        received = b""
        first = None
        began = time.perf_counter_ns()
        self.socket.sendall(self.request)
        while not received.endswith(END):
            piece = self.socket.recv(65536)
            if not piece:
                raise SystemExit(f"{self.name} hung up after: {received[:300]!r}")
            received += piece
            if first is None and TOKEN.search(received):
                first = time.perf_counter_ns() - began
        if not received.startswith(b"HTTP/1.1 200 ") or first is None or b"data: [DONE]" not in received:
            raise SystemExit(f"{self.name} gave no streamed answer: {received[:300]!r}")
        return first


def measure():
    sides = [Side(side) for side in PLAN["sides"]]
    order = random.Random(PLAN["seed"])
    times = {side.name: [] for side in sides}
    gc.disable()
    for count in range(-PLAN["warmUp"], PLAN["rounds"]):
        if (count + PLAN["warmUp"]) % ROUNDS_PER_CONNECTION == 0:
            for side in sides:
                side.connect()
                side.first_token_nanoseconds()
        wake = time.monotonic() + PLAN["secondsPerRound"]
        for side in order.sample(sides, len(sides)):
            taken = side.first_token_nanoseconds()
            if count >= 0:
                times[side.name].append(taken / 1e6)
        time.sleep(max(0, wake - time.monotonic()))
    return times


def with_peer():
    """The peer's nginx, beside the one of the deployment, for as long as this runs."""
    folder = tempfile.mkdtemp(prefix="tms-llm-bench-", dir="/run")
    try:
        with open(f"{folder}/nginx.conf", "w") as file:
            file.write(PLAN["peerConfiguration"].replace("FOLDER", folder))
        command = ["nginx", "-e", f"{folder}/error.log", "-p", folder, "-c", f"{folder}/nginx.conf"]
        peer = subprocess.Popen([*command, "-g", "daemon off;"], stdout=subprocess.DEVNULL)
        try:
            for port in {side["port"] for side in PLAN["sides"]}:
                wait_for(port, peer)
            return measure()
        finally:
            peer.terminate()
            peer.wait()
    finally:
        shutil.rmtree(folder)


def wait_for(port, peer):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if peer.poll() is not None:
                raise SystemExit("the peer's nginx did not start")
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


json.dump(with_peer(), sys.stdout)
