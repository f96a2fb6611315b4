"""A certificate authority of one box, and TLS with the inside in the name of the hosts it calls."""

import datetime
import ssl
import tempfile
import threading
import time
from collections import OrderedDict
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.sandbox.box.egress.channel import READ, WRITE, Channel, Halt, wait
from chalicelib.sandbox.box.egress.errors import Stalled

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_DAY = datetime.timedelta(days=1)
_LIFE = 30 * _DAY
_MOST_HOSTS = 256
_HANDSHAKE_SECONDS = 15.0


class Authority:
    """Makes certificates that only this box trusts. Its keys exist in this process's memory alone."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key, self._leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self._root = self._made_root()
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, as PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self._root.public_bytes(Encoding.PEM)

    def context(self, host: str) -> ssl.SSLContext:
        """A server's TLS for a host in normal form; speaks HTTP/1.1 only."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._made_context(host)
            self._contexts.move_to_end(host)
            if len(self._contexts) > _MOST_HOSTS:
                self._contexts.popitem(last=False)
            return self._contexts[host]

    def _made_context(self, host: str) -> ssl.SSLContext:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        secret = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryDirectory() as folder:
            chain = Path(folder) / "chain.pem"
            chain.touch(mode=0o600)
            chain.write_bytes(self._made_leaf(host).public_bytes(Encoding.PEM) + secret)
            context.load_cert_chain(chain)
        return context

    def _made_root(self) -> "x509.Certificate":
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        public = self._key.public_key()
        return (
            self._begun("Lambent sandbox egress", public)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _made_leaf(self, host: str) -> "x509.Certificate":
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import ExtendedKeyUsageOID

        public = self._key.public_key()
        return (
            self._begun("Lambent sandbox egress host", self._leaf_key.public_key())
            .add_extension(x509.SubjectAlternativeName([_name(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._leaf_key.public_key()), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _begun(self, subject: str, key: "EllipticCurvePublicKey") -> "x509.CertificateBuilder":
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        now = datetime.datetime.now(datetime.UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lambent sandbox egress")])
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _LIFE)
        )


def accept_tls(client: Channel, context: ssl.SSLContext, halt: Halt) -> Channel:
    """The same connection with TLS on it. Raises OSError, Stalled, Halted."""
    secured = context.wrap_socket(client.socket, server_side=True, do_handshake_on_connect=False)
    channel = Channel(secured)
    until = time.monotonic() + _HANDSHAKE_SECONDS
    try:
        while (wanted := _step(secured)) is not None:
            if not wait(halt, {channel: wanted}, until - time.monotonic()):
                raise Stalled
    except BaseException:
        channel.close()
        raise
    return channel


def client_context() -> ssl.SSLContext:
    """TLS towards hosts, by the roots the system trusts."""
    return ssl.create_default_context()


def trusted_roots(trust: ssl.SSLContext | None) -> bytes:
    """The roots as PEM: those of a given context, else the system's."""
    if trust is not None:
        return "".join(ssl.DER_cert_to_PEM_cert(one) for one in trust.get_ca_certs(binary_form=True)).encode()
    return Path(ssl.get_default_verify_paths().cafile or _packaged_roots()).read_bytes()


def _packaged_roots() -> str:
    import certifi

    return certifi.where()


def _step(secured: ssl.SSLSocket) -> int | None:
    try:
        secured.do_handshake()
    except ssl.SSLWantReadError:
        return READ
    except ssl.SSLWantWriteError:
        return WRITE
    return None


def _name(host: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
