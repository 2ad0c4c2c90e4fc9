"""Vectors that other people wrote (tests/vectors/README.md)."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.merkle.hashing import EMPTY_ROOT, leaf_hash, node_hash
from ledger.merkle.proofs import (
    ConsistencyProof,
    InclusionProof,
    ProofError,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from ledger.merkle.tree import tree_root

VECTORS = Path(__file__).parent.parent / "vectors"
RFC6962: dict[str, Any] = json.loads((VECTORS / "rfc6962_vectors.json").read_text())
ROLLING: dict[str, Any] = RFC6962["rolling_sha256_sizes_to_130"]
LARGEST = 130


def probes(kind: str) -> list[Any]:
    folder = VECTORS / "merkle" / kind
    return [
        pytest.param(json.loads(path.read_text()), id=str(path.relative_to(folder)))
        for path in sorted(folder.rglob("*.json"))
    ]


def hashes(probe: dict[str, Any]) -> tuple[bytes, ...]:
    return tuple(b64decode(value) for value in probe["proof"] or ())


def holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except ProofError:
        return False
    return True


@pytest.mark.parametrize("probe", probes("inclusion"))
def test_inclusion_probe(probe: dict[str, Any]) -> None:
    proof = InclusionProof(probe["leafIdx"], probe["treeSize"], hashes(probe))
    leaf, root = b64decode(probe["leafHash"] or ""), b64decode(probe["root"] or "")
    assert holds(lambda: verify_inclusion(proof, leaf, root)) is not probe["wantErr"]


@pytest.mark.parametrize("probe", probes("consistency"))
def test_consistency_probe(probe: dict[str, Any]) -> None:
    proof = ConsistencyProof(probe["size1"], probe["size2"], hashes(probe))
    old_root, root = b64decode(probe["root1"] or ""), b64decode(probe["root2"] or "")
    assert holds(lambda: verify_consistency(proof, old_root, root)) is not probe["wantErr"]


def test_no_probe_is_lost() -> None:
    for kind in ("inclusion", "consistency"):
        want_error = [parameter.values[0]["wantErr"] for parameter in probes(kind)]
        assert (len(want_error), sum(want_error)) == (98, 92)


def test_hashes_nodes_and_roots_up_to_eight_leaves() -> None:
    hasher = RFC6962["hasher"]
    assert EMPTY_ROOT.hex() == hasher["empty_root"]
    assert leaf_hash(b"").hex() == hasher["empty_leaf"]
    assert leaf_hash(b"L123456").hex() == hasher["leaf_L123456"]
    assert node_hash(b"N123", b"N456").hex() == hasher["node_N123_N456"]

    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in RFC6962["leaf_inputs_hex"]]
    roots = [tree_root(leaves[:size]).hex() for size in range(9)]
    assert roots == RFC6962["root_hashes_by_size_0_to_8"]
    for height, nodes in enumerate(RFC6962["node_hashes_by_level"]):
        span = 1 << height
        assert [tree_root(leaves[n : n + span]).hex() for n in range(0, 8, span)] == nodes


# The rolling values are over every valid subtree [start, end) of the log: the beginning of a complete subtree
# of no more than the height that it needs (draft-ietf-plants-merkle-tree-certs, "Subtrees" and "Subtree Test
# Vectors"). They are of a version of the draft that counts the empty ones in, with EMPTY_ROOT and no proof.


def valid_subtrees(largest: int) -> Iterator[tuple[int, int]]:
    for end in range(largest + 1):
        for start in range(end + 1):
            if start == end or start % complete_size(start, end) == 0:
                yield start, end


def complete_size(start: int, end: int) -> int:
    """Return the size of the smallest complete subtree that [start, end) can begin."""
    return 1 << (end - start - 1).bit_length()


ROOTS = {
    (start, end): tree_root(leaf_hash(bytes([i])) for i in range(start, end)) for start, end in valid_subtrees(LARGEST)
}


def subtree_from(start: int) -> Callable[[int, int], bytes]:
    return lambda a, b: ROOTS[start + a, start + b]


def consistency_of_subtree(start: int, end: int, size: int) -> tuple[bytes, ...]:
    """Return the proof up to the node of the tree that the subtree begins, and from there to the root."""
    if start == end:
        return ()
    node_size = min(complete_size(start, end), size - start)
    in_node = prove_consistency(end - start, node_size, subtree_from(start)).hashes
    below_node = prove_inclusion(0, node_size, subtree_from(start)).hashes
    return in_node + prove_inclusion(start, size, subtree_from(0)).hashes[len(below_node) :]


def line(prefix: str, proof: tuple[bytes, ...]) -> str:
    return " ".join([prefix, *(value.hex() for value in proof)]) + "\n"


def rolled(lines: list[str]) -> str:
    return sha256("".join(lines).encode()).hexdigest()


def test_rolling_value_of_712_subtree_hashes() -> None:
    lines = [line(f"[{start}, {end})", (root,)) for (start, end), root in ROOTS.items()]
    assert len(lines) == 712
    assert rolled(lines) == ROLLING["subtree_hash"]["sha256"]


def test_rolling_value_of_12807_inclusion_proofs() -> None:
    lines = [
        line(
            f"{position} [{start}, {end})",
            prove_inclusion(position - start, end - start, subtree_from(start)).hashes,
        )
        for start, end in valid_subtrees(LARGEST)
        for position in range(start, end)
    ]
    assert len(lines) == 12_807
    assert rolled(lines) == ROLLING["subtree_inclusion_proof"]["sha256"]


def test_rolling_value_of_42893_consistency_proofs() -> None:
    lines = [
        line(f"[{start}, {end}) {size}", consistency_of_subtree(start, end, size))
        for size in range(LARGEST + 1)
        for start, end in valid_subtrees(size)
    ]
    assert len(lines) == 42_893
    assert rolled(lines) == ROLLING["subtree_consistency_proof"]["sha256"]
