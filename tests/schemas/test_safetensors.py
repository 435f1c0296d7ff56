"""Files of the safetensors format, held against the library that the format comes from."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open

from attack.files import MALFORMED, entry, file
from chainrule.schemas.safetensors import MalformedFile, read, write

DTYPES = [np.dtype(code) for code in ("<f8", "<f4", "<i8", "<i4")]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda name: name != "__metadata__")
TENSORS = st.dictionaries(
    NAMES,
    st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4))),
    max_size=5,
)


@given(TENSORS, st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=150)
def test_what_is_written_is_read(tensors: dict[str, np.ndarray], text: str) -> None:
    pieces = write(text.encode(), tensors, "request")
    found = read(b"".join(pieces), "request")
    assert found.text.decode() == text
    assert set(found.tensors) == set(tensors)
    for name, array in tensors.items():
        assert found.tensors[name].dtype == array.dtype
        assert found.tensors[name].shape == array.shape
        assert found.tensors[name].tobytes() == array.tobytes()


@given(TENSORS)
@settings(max_examples=50)
def test_the_library_reads_what_is_written(tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, Any]) -> None:
    written = b"".join(write(b'{"a": 1}', tensors, "request"))
    theirs = safetensors.numpy.load(written)
    assert {name: array.tobytes() for name, array in theirs.items()} == {
        name: array.tobytes() for name, array in tensors.items()
    }
    path = tmp_path_factory.mktemp("files") / "one.safetensors"
    path.write_bytes(written)
    with safe_open(path, "numpy") as opened:
        assert opened.metadata() == {"request": '{"a": 1}'}


@given(TENSORS.filter(bool))
@settings(max_examples=50)
def test_what_the_library_writes_is_read(tensors: dict[str, Any]) -> None:
    found = read(safetensors.numpy.save(tensors, {"request": "{}", "format": "np"}), "request")
    for name, array in tensors.items():
        np.testing.assert_array_equal(found.tensors[name], array, strict=True)


def test_tensors_that_are_read_are_views_and_may_be_written_where_the_body_may() -> None:
    body = b"".join(write(b"{}", {"a": np.arange(3.0)}, "request"))
    assert not read(body, "request").tensors["a"].flags.writeable
    shared = bytearray(body)
    read(shared, "request").tensors["a"][0] = 7
    assert shared != body


def test_a_tensor_that_begins_anywhere_is_aligned() -> None:
    text = json.dumps({"__metadata__": {"request": "{}"}, "a": entry("F64", [1], [0, 8])}).encode()
    for blanks in range(8):
        array = read(file(text + b" " * blanks, np.float64(2.5).tobytes()), "request").tensors["a"]
        assert array.flags.aligned
        assert array[0] == 2.5


@pytest.mark.parametrize("name", MALFORMED)
def test_a_file_that_is_none_is_refused_briefly(name: str) -> None:
    with pytest.raises(MalformedFile) as caught:
        read(MALFORMED[name], "request")
    assert 10 < len(str(caught.value)) < 1000


@given(st.binary(max_size=200), st.integers(0, 250))
@settings(max_examples=300)
def test_any_bytes_are_a_file_or_refused(header: bytes, length: int) -> None:
    for body in (header, struct.pack("<Q", length) + header):
        with contextlib.suppress(MalformedFile):
            read(body, "request")


@given(st.data())
@settings(max_examples=300)
def test_a_spoilt_file_is_still_one_or_refused(data: st.DataObject) -> None:
    body = bytearray(b"".join(write(b'{"x": 1}', {"a": np.ones((2, 3)), "b": np.ones(3, "i4")}, "request")))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(body, "request")
    except MalformedFile:
        return
    assert sum(array.nbytes for array in found.tensors.values()) <= len(body)
