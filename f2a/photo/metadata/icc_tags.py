"""The tags of a colour profile (ICC.1:2022): those of displays name the very display, its serial number among them."""

import struct

from f2a.photo.metadata.privacy import is_private_text

HEADER_SIZE, PROFILE_ID, MAX_TAGS = 128, slice(84, 100), 100

COLOR_TAGS = frozenset(
    b"""A2B0 A2B1 A2B2 A2M0 B2A0 B2A1 B2A2 B2D0 B2D1 B2D2 B2D3 D2B0 D2B1 D2B2 D2B3 bTRC bXYZ bkpt calt chad chrm cicp
    ciis clot clro clrt cprt desc dmdd dmnd dscm gTRC gXYZ gamt kTRC lumi meas ncl2 pre0 pre1 pre2 pseq psid rTRC rXYZ
    resp rig0 rig2 tech vcgt view vued wtpt""".split()
)
"""What the standards (4 and 2) define, and the curves of a display's card."""


TEXTS = (b"desc", b"mluc", b"pseq", b"psid", b"text")
"""The types of tags that hold texts."""


def read_tags(profile: bytes) -> list[tuple[bytes, int, int]]:
    """Name, place and length of each.

    Raises:
        struct.error: the profile is damaged.
    """
    count = min(struct.unpack_from(">I", profile, HEADER_SIZE)[0], MAX_TAGS)
    return [struct.unpack_from(">4sII", profile, HEADER_SIZE + 4 + 12 * n) for n in range(count)]


def cicp_of(profile: bytes) -> tuple[int, int]:
    """The code points (H.273) of primaries and transfer curve that a sound profile states; 2 is unspecified."""
    for name, start, _ in read_tags(profile):
        if name == b"cicp" and len(profile) >= start + 12:
            return profile[start + 8], profile[start + 9]
    return 2, 2


def clean_icc(profile: bytes) -> bytes:
    """The profile, of unchanged length, without tags of any other kind, private texts and what stands between tags; a
    damaged one as it is."""
    try:
        tags = read_tags(profile)
    except struct.error:
        return profile
    kept = [
        (name, start, size)
        for name, start, size in tags
        if name in COLOR_TAGS
        and not (profile.startswith(TEXTS, start) and is_private_text(profile[start : start + size]))
    ]
    table = struct.pack(">I", len(kept)) + b"".join(struct.pack(">4sII", *tag) for tag in kept)
    cleaned = bytearray(len(profile))
    cleaned[:HEADER_SIZE] = profile[:HEADER_SIZE]
    cleaned[HEADER_SIZE : HEADER_SIZE + len(table)] = table
    for _, start, size in kept:
        cleaned[start : start + size] = profile[start : start + size]
    if cleaned != profile:
        cleaned[PROFILE_ID] = bytes(16)  # a checksum; zero where there is none
    return bytes(cleaned)
