"""The settings of what computes, and how."""

from typing import Literal

from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark


class DeviceSettings(Section):
    """What computes, and how."""

    title = mark("Device")

    name: str = setting(
        "auto",
        mark("Device"),
        mark(
            "What computes: cpu, a CUDA graphics card by its index (cuda:0), or Apple's graphics "
            "chip (mps). auto takes the "
            "first graphics card, else the CPU, and says which."
        ),
        pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$",
        editor="device",
    )
    threads: int = setting(
        0,
        mark("CPU threads"),
        mark(
            "How many threads one operation of PyTorch uses on the CPU. 0 leaves the choice to "
            "PyTorch: one a core. Another "
            "number can change the last digits of the results, because sums are taken in another order."
        ),
        advanced=True,
        local=True,
        ge=0,
        zero=mark("automatic"),
        le=1024,
    )
    precision: Literal["default", "float32", "tf32", "bf16"] = setting(
        "default",
        mark("Precision"),
        mark(
            "With how many digits products are computed. default is PyTorch's: float32, but TF32 in "
            "the convolutions of "
            "NVIDIA's cards from Ampere on. float32 keeps all digits, tf32 rounds the factors of all "
            "products to ten bits, "
            "bf16 computes the layers in bfloat16 (autocast). Fewer digits are faster on graphics cards and change the "
            "results a little. Usual: default; bf16 for large models on a graphics card."
        ),
        advanced=True,
    )
    memory_format: Literal["contiguous", "channels_last", "auto"] = setting(
        "contiguous",
        mark("Memory format"),
        mark(
            "How images lie in memory: contiguous holds one channel after the other, channels_last "
            "all channels of a pixel "
            "together. Convolutions are often faster with channels_last, and the last digits of the "
            "results differ. auto "
            "takes it where it should be faster: for models of convolutions on the CPU, and on "
            "NVIDIA's cards when they "
            "compute with TF32 or bfloat16; the run says so. Other models gain nothing. Usual: contiguous."
        ),
        advanced=True,
    )
    compile: bool = setting(
        False,
        mark("Compile"),
        mark(
            "Let torch.compile make one program of the model's operations. Each start then waits "
            "from seconds to minutes, "
            "the steps are faster, most of all those of small models on a graphics card, and the last digits of the "
            "results differ. A smaller last batch and the test set are computed without it. Needs a C++ compiler. "
            "Usual: off; on for long runs."
        ),
        advanced=True,
    )
    deterministic: bool = setting(
        False,
        mark("Deterministic"),
        mark(
            "Let a graphics card of NVIDIA give the same digits each time that the same run is made. "
            "Otherwise some sums "
            "are added up in whichever order their parts are ready, and the last digits differ. The "
            "steps are slower and "
            "need a little more memory, and an operation that has no such way ends the run with a "
            "message that names it. "
            "The CPU gives the same digits anyway. Usual: off; on to compare runs exactly."
        ),
        advanced=True,
    )
