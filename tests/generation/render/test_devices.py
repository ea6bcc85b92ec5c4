"""Where a model runs, on machines that are not this one."""

from types import SimpleNamespace

import pytest

from generation.catalogue.models import read_generators
from generation.problems import InvalidInput
from generation.render.devices import Device, batch_limit, dtype_on, find_device, is_out_of_memory, needs_offload

SDXL = read_generators()["SDXL"].source
CPU = Device("cpu", "cpu")


def torch_with(*, cuda=False, mps=False):
    properties = SimpleNamespace(name="Some GPU", total_memory=16e9)
    return SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: cuda, get_device_properties=lambda name: properties),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        OutOfMemoryError=type("OutOfMemoryError", (RuntimeError,), {}),
    )


@pytest.mark.parametrize(
    ("there", "wanted", "name"),
    [
        ({}, "auto", "cpu"),
        ({"mps": True}, "auto", "mps"),
        ({"cuda": True, "mps": True}, "auto", "cuda"),
        ({"cuda": True}, "cuda:1", "cuda:1"),
        ({"cuda": True}, "cpu", "cpu"),
    ],
)
def test_the_best_device_is_taken_unless_one_is_named(there, wanted, name):
    assert find_device(torch_with(**there), wanted).name == name


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InvalidInput, match="no device 'cuda' for torch here; there is: mps, cpu"):
        find_device(torch_with(mps=True), "cuda")


def test_half_precision_is_for_cuda_only():
    gpu = find_device(torch_with(cuda=True))
    assert (gpu.label, gpu.memory) == ("Some GPU", 16)
    assert (dtype_on(gpu, SDXL), dtype_on(CPU, SDXL), dtype_on(CPU, SDXL, "bfloat16")) == (
        "float16",
        "float32",
        "bfloat16",
    )


def test_small_gpus_get_small_batches_and_models_in_turns():
    limits = {memory: batch_limit(Device("cuda", "x", memory), SDXL) for memory in (2, 12, 24, 80)}
    assert limits == {2: 1, 12: 4, 24: 8, 80: 8}
    assert batch_limit(CPU, SDXL) == 8
    assert [needs_offload(Device("cuda", "x", memory), SDXL) for memory in (8, 12)] == [True, False]
    assert not needs_offload(CPU, SDXL)


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            True,
        ),
        (RuntimeError("size of tensor a must match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_running_out_of_memory_is_told_from_other_errors(error, is_it):
    assert is_out_of_memory(error, torch_with()) is is_it
