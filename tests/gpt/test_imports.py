"""What gpt may depend on, and what it must leave alone in a process that others share."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import gpt

SOURCES = sorted(Path(gpt.__file__).parent.rglob("*.py"))
OWN_PROCESS = {  # what may be changed by those who have a process to themselves
    "cli.py": {"print"},
    "cli_train.py": {"print"},
    "cli_takehome.py": {"print"},
    # The program that a run is taken home as: never called in here, only read.
    "plain.py": {"print", "torch.set_num_threads", "torch.manual_seed"},
    "bench.py": {"print", "torch.set_num_threads"},
    "parallel.py": {"torch.cuda.manual_seed"},
}
FOREIGN = {"streamlit", "altair", "pandas", "explorer", "pages", "transformers", "matplotlib"}
GLOBAL_CALLS = {
    "torch.manual_seed", "torch.seed", "torch.set_num_threads", "torch.set_default_dtype",
    "torch.set_default_device", "torch.set_grad_enabled", "torch.cuda.manual_seed",
    "torch.cuda.manual_seed_all", "torch.use_deterministic_algorithms",
    "torch.set_float32_matmul_precision", "torch.set_num_interop_threads", "np.random.seed",
    "random.seed", "os.chdir", "os.putenv", "warnings.filterwarnings", "warnings.simplefilter",
    "logging.basicConfig",
}  # fmt: skip


def in_a_fresh_process(code):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_gpt_is_cheap():
    """A page's shell and `--help` must not wait for torch; a name that needs none loads none."""
    out = in_a_fresh_process(
        "import sys, gpt; gpt.PRESETS; gpt.load_corpus; gpt.GPTError\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    loaded = set(out.split())
    assert "gpt" in loaded and not loaded & (FOREIGN | {"torch", "safetensors"})


ALL = """
import json, sys, gpt
said = {"used": gpt.inspection.bits_per_character.__name__}  # the first thing of it
import torch, gpt.cli, gpt.optim
model = gpt.build_model(gpt.PRESETS["gpt_mini"].model, 5)
gpt.trace(model, torch.zeros(1, 4, dtype=torch.long))
for name in ("adamw", "muon"):
    optimizer = gpt.optim.build_optimizer(model, gpt.TrainConfig(optimizer=name))
    model(torch.zeros(1, 4, dtype=torch.long))[0].sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
said["compiler"] = sys.modules.keys() & {"torch._dynamo", "sympy"} != set()
[getattr(gpt, name) for name in gpt.__all__]
said["loaded"] = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said():
    """What one process finds: each that imports torch takes a second."""
    return json.loads(in_a_fresh_process(ALL))


def test_all_of_gpt_loads_nothing_of_the_pages(said):
    assert "torch" in said["loaded"] and not set(said["loaded"]) & FOREIGN


def test_models_write_and_learn_without_the_compiler(said):
    """Making a model without memory loaded torch._dynamo, and so did each method of an optimizer: a
    second of the first page, and of each process that trains."""
    assert said["compiler"] is False


def test_a_module_is_there_before_anything_of_it_was_used(said):
    assert said["used"] == "bits_per_character"


@pytest.mark.parametrize("name", gpt.__all__)
def test_every_public_name_is_there(name):
    assert getattr(gpt, name) is not None and name in dir(gpt)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        gpt.tarin  # noqa: B018


def calls_in(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_no_prints_and_no_global_state(path):
    for name, line in calls_in(path):
        if name in OWN_PROCESS.get(path.name, ()):
            continue
        assert name not in GLOBAL_CALLS, f"{path.name}:{line} changes the whole process"
        assert name != "print", f"{path.name}:{line} prints"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_no_module_imports_a_page_or_a_chart(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {n.partition(".")[0] for n in names} & FOREIGN
