# SPDX-License-Identifier: Apache-2.0
"""tls: floods within TLS (S13). Python's ssl knows neither key updates nor renegotiation; the library that it stands on does."""
import ctypes
import ctypes.util
import socket
import ssl
import time

from harness import Raw, attack, need
from lib.imapclient import tls_context

KEY_UPDATE_REQUESTED = 1
CTRL_MAX_PROTO, TLS12 = 124, 0x0303


class Library:
    """The few functions that are needed, with pointers that stay whole."""

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
        for name, result, args in (("TLS_client_method", "p", ""), ("SSL_CTX_new", "p", "p"), ("SSL_CTX_ctrl", "l", "pilp"), ("SSL_new", "p", "p"),
                                   ("SSL_set_fd", "i", "pi"), ("SSL_connect", "i", "p"), ("SSL_key_update", "i", "pi"), ("SSL_renegotiate", "i", "p"),
                                   ("SSL_do_handshake", "i", "p"), ("SSL_write", "i", "psi"), ("SSL_read", "i", "psi"), ("SSL_free", None, "p"), ("SSL_CTX_free", None, "p")):
            kinds = {"p": ctypes.c_void_p, "i": ctypes.c_int, "l": ctypes.c_long, "s": ctypes.c_char_p, None: None}
            f = getattr(self.lib, name)
            f.restype, f.argtypes = kinds[result], [kinds[c] for c in args]
            setattr(self, name[4:] if name.startswith("SSL_") else name, f)


class Secure:
    """A blocking TLS client on a socket of its own, greeting not read."""

    def __init__(self, library, port, old=False):
        self.l = library
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.sock.settimeout(None)    # the library wants a socket that blocks
        self.ctx = library.CTX_new(library.TLS_client_method())
        if old:
            library.CTX_ctrl(self.ctx, CTRL_MAX_PROTO, TLS12, None)
        self.ssl = library.new(self.ctx)
        library.set_fd(self.ssl, self.sock.fileno())
        need(library.connect(self.ssl) == 1, "no TLS")

    def new_keys(self):
        """A key update that wants one back goes out, nothing is read."""
        return self.l.key_update(self.ssl, KEY_UPDATE_REQUESTED) == 1 and self.l.do_handshake(self.ssl) == 1

    def write(self, data):
        return self.l.write(self.ssl, data, len(data)) == len(data)

    def close(self):
        self.l.free(self.ssl)
        self.l.CTX_free(self.ctx)
        self.sock.close()


def ended(sock, seconds=10):
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
        return True
    except socket.timeout:
        return False
    except ConnectionError:
        return True


@attack("key updates without end, TLS 1.3: before login, bare and with a byte of text behind each", cpu=2, mb=12)
def key_updates(a):
    library = Library()
    for text in (b"", b"x"):
        for _ in range(a.size(10, 100)):
            c, sent = Secure(library, a.server.imaps), 0
            try:
                while sent < 5000 and c.new_keys() and (not text or c.write(text)):
                    sent += 1
                need(ended(c.sock), f"the connection lives after {sent} key updates")
            finally:
                c.close()
    with Raw(a.server.imaps, greeting=False) as c:
        c.sock = tls_context().wrap_socket(c.sock, server_hostname="localhost")
        c.ok("LOGIN alice secret")


@attack("renegotiation, TLS 1.2: refused", cpu=2, mb=12)
def renegotiation(a):
    library = Library()
    for _ in range(a.size(10, 100)):
        c = Secure(library, a.server.imaps, old=True)
        try:
            need(library.read(c.ssl, ctypes.create_string_buffer(500), 500) > 0, "no greeting")
            need(library.renegotiate(c.ssl) == 1, "the client's library does not renegotiate")
            library.do_handshake(c.ssl)
            need(library.do_handshake(c.ssl) != 1, "the server renegotiates")
        finally:
            c.close()


def hello():
    """A client's first flight, after which the server has sent its own part and the greeting."""
    said = ssl.MemoryBIO()
    try:
        tls_context().wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    except ssl.SSLWantReadError:
        return said.read()
    return b""


@attack("TLS handshakes that stop, also behind the greeting, imap.login=3s: the handshake is a part of it", cpu=1, mb=12, settings=("imap.login=3s",))
def handshake_login(a):
    plain = [Raw(a.server.imap) for _ in range(a.size(10, 50))]
    greeted = [Raw(a.server.imaps, greeting=False) for _ in plain]
    for c in greeted:
        c.send(hello())
    clients = plain + greeted + [Raw(a.server.imaps, greeting=False) for _ in plain]
    began = time.monotonic()
    for c in plain:
        c.ok("STARTTLS")
    for c in clients:
        if c not in greeted:
            c.send(b"\x16\x03\x01\x02")
    for c in clients:
        need(c.ended(max(0.1, began + 8 - time.monotonic())), "a handshake takes longer than imap.login allows")
        c.close()
    a.note(f"all gone after {time.monotonic() - began:.1f} s")
