"""X-Wing from its draft, with kyber-py for ML-KEM-768 and raw X25519: a second opinion.

Slow, not constant in time, and deterministic: for test vectors only, never for a real key.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from kyber_py.ml_kem import ML_KEM_768

SEED_BYTES = 32
ESEED_BYTES = 64
PUBLIC_KEY_BYTES = 1216
CIPHERTEXT_BYTES = 1120
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_CIPHERTEXT_BYTES = 1088
_LABEL = bytes.fromhex("5c2e2f2f5e5c")


def public_key(seed: bytes) -> bytes:
    """The 1216-byte public key of a 32-byte seed (draft-connolly-cfrg-xwing-kem section 5.2)."""
    _, mlkem_public, x25519_secret = _expand(seed)
    return mlkem_public + x25519_secret.public_key().public_bytes_raw()


def encapsulate(public: bytes, *, eseed: bytes) -> tuple[bytes, bytes]:
    """(shared secret of 32 bytes, ciphertext of 1120) from 64 bytes of "randomness".

    EncapsulateDerand of section 5.4.1: ML-KEM's m, then the ephemeral X25519 secret.
    """
    _need("public key", public, PUBLIC_KEY_BYTES)
    _need("eseed", eseed, ESEED_BYTES)
    mlkem_public, x25519_public = public[:_MLKEM_PUBLIC_BYTES], public[_MLKEM_PUBLIC_BYTES:]
    mlkem_shared, mlkem_ciphertext = ML_KEM_768._encaps_internal(mlkem_public, eseed[:32])
    ephemeral = X25519PrivateKey.from_private_bytes(eseed[32:])
    x25519_shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(x25519_public))
    x25519_ciphertext = ephemeral.public_key().public_bytes_raw()
    shared = _combine(mlkem_shared, x25519_shared, x25519_ciphertext, x25519_public)
    return shared, mlkem_ciphertext + x25519_ciphertext


def decapsulate(seed: bytes, ciphertext: bytes) -> bytes:
    """The 32-byte shared secret (section 5.5); a changed ciphertext gives another secret."""
    _need("ciphertext", ciphertext, CIPHERTEXT_BYTES)
    mlkem_secret, _, x25519_secret = _expand(seed)
    x25519_ciphertext = ciphertext[_MLKEM_CIPHERTEXT_BYTES:]
    mlkem_shared = ML_KEM_768.decaps(mlkem_secret, ciphertext[:_MLKEM_CIPHERTEXT_BYTES])
    x25519_shared = x25519_secret.exchange(X25519PublicKey.from_public_bytes(x25519_ciphertext))
    x25519_public = x25519_secret.public_key().public_bytes_raw()
    return _combine(mlkem_shared, x25519_shared, x25519_ciphertext, x25519_public)


def _expand(seed: bytes) -> tuple[bytes, bytes, X25519PrivateKey]:
    _need("seed", seed, SEED_BYTES)
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem_public, mlkem_secret = ML_KEM_768.key_derive(expanded[:64])
    return mlkem_secret, mlkem_public, X25519PrivateKey.from_private_bytes(expanded[64:])


def _combine(mlkem_shared: bytes, x25519_shared: bytes, ciphertext: bytes, public: bytes) -> bytes:
    return hashlib.sha3_256(mlkem_shared + x25519_shared + ciphertext + public + _LABEL).digest()


def _need(name: str, value: bytes, size_bytes: int) -> None:
    if len(value) != size_bytes:
        raise ValueError(f"{name} is {len(value)} bytes; it has {size_bytes}")
