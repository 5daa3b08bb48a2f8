"""The settings of what computes, and how. Knows no other section, and no device."""

from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark


class DeviceSettings(Section):
    """What computes."""

    name: str = setting(
        "auto",
        mark("Device"),
        mark(
            "What computes: cpu, a CUDA graphics card by its index (cuda:0), or Apple's graphics chip (mps). auto takes the "
            "first graphics card, else the CPU, and says which."
        ),
        pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$",
    )
    threads: int = setting(
        0,
        mark("CPU threads"),
        mark(
            "How many threads one operation of PyTorch uses on the CPU. 0 leaves the choice to PyTorch: one a core. Another "
            "number can change the last digits of the results, because sums are taken in another order."
        ),
        advanced=True,
        local=True,
        ge=0,
        le=1024,
    )
