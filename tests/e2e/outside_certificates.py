"""A certificate authority of the tests' own, and certificates for the names of a world outside."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LIFE = datetime.timedelta(days=30)


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _plain(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Authority:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Aegis tests")])
        usage = x509.KeyUsage(key_cert_sign=True, crl_sign=True, digital_signature=True,
                              content_commitment=False, key_encipherment=False,
                              data_encipherment=False, key_agreement=False, encipher_only=False,
                              decipher_only=False)
        self.certificate = self._builder(self.name, self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(
                usage, critical=True).sign(self.key, hashes.SHA256())

    def _builder(self, subject, key):
        now = datetime.datetime.now(datetime.timezone.utc)
        identifier = x509.SubjectKeyIdentifier.from_public_key
        return (x509.CertificateBuilder()
                .subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - LIFE).not_valid_after(now + LIFE)
                .add_extension(identifier(key.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self.key.public_key()), critical=False))

    def pem(self):
        return _pem(self.certificate)

    def issue(self, name):
        """A key and a certificate for a host name, as one text."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = self._builder(subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).add_extension(
                x509.BasicConstraints(ca=False, path_length=None), critical=True).sign(
                    self.key, hashes.SHA256())
        return _plain(key) + _pem(certificate)
