"""The settings of augmentation: how training images are varied at random."""

from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark


class AugmentationSettings(Section):
    """How training images are varied at random, anew in each epoch. All are off by default."""

    title = mark("Augmentation")
    at_once = True
    explanation = mark(
        "Training images are varied at random, anew in each epoch. Only training images are "
        "changed, never the test set, "
        "and each step takes longer."
    )

    flip: float = setting(
        0.0,
        mark("Flip"),
        mark(
            "The probability with which a training image is mirrored, left and right exchanged. Larger shows more "
            "mirrored images; 0 turns it off. Wrong for what has a direction, such as digits and letters. Usual: 0, "
            "or 0.5 for photographs."
        ),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=1,
    )
    flip_vertical: float = setting(
        0.0,
        mark("Vertical flip"),
        mark(
            "The probability with which a training image is mirrored, top and bottom exchanged. Larger shows more "
            "mirrored images; 0 turns it off. Usual: 0, or 0.5 for images that have no top, such as those of a "
            "microscope or a satellite."
        ),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=1,
    )
    shift: int = setting(
        0,
        mark("Shift"),
        mark(
            "Each training image is moved by up to so many pixels to any side; what is left free becomes black. "
            "Larger teaches more independence of the place and hides more at the edges; 0 turns it off. Usual: 0, or "
            "an eighth of the width, 4 for 32 pixels."
        ),
        unit=mark("pixels"),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=64,
    )
    rotation: float = setting(
        0.0,
        mark("Rotation"),
        mark(
            "Each training image is turned by an angle of up to so many degrees in either direction; corners that "
            "are left free become black. Larger teaches more independence of the angle; 0 turns it off. Usual: 0 to "
            "15; 180 where there is no top."
        ),
        unit=mark("degrees"),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=180,
    )
    crop: float = setting(
        1.0,
        mark("Random crop"),
        mark(
            "From each training image a piece is cut out and scaled back to the whole size. Its share of the area "
            "lies between this number and 1, and it is made up to a third wider or higher. Smaller numbers zoom in "
            "more; 1 turns it off. Usual: 1, or 0.08 to 0.8 for photographs."
        ),
        advanced=True,
        ge=0.01,
        le=1,
    )
    brightness: float = setting(
        0.0,
        mark("Brightness"),
        mark(
            "The pixels of each training image are multiplied by a number between 1 - x and 1 + x, where x is this "
            "setting. Larger varies the brightness more; 0 turns it off. Usual: 0 to 0.4."
        ),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=1,
    )
    contrast: float = setting(
        0.0,
        mark("Contrast"),
        mark(
            "The distance of each training image's pixels from its mean grey is multiplied by a number between 1 - x "
            "and 1 + x, where x is this setting. Larger varies the contrast more; 0 turns it off. Usual: 0 to 0.4."
        ),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=1,
    )
    saturation: float = setting(
        0.0,
        mark("Saturation"),
        mark(
            "The distance of each pixel's colour from grey is multiplied by a number between 1 - x and 1 + x, where "
            "x is this setting, one number for each training image. Larger varies the colours more; 0 turns it off. "
            "It does nothing to grey images. Usual: 0 to 0.4."
        ),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=1,
    )
    hue: float = setting(
        0.0,
        mark("Hue"),
        mark(
            "The colours of each training image are turned on the colour circle by up to this share of it in either "
            "direction. Larger makes other colours of them, at 0.5 any; 0 turns it off. It does nothing to grey "
            "images. Usual: 0 to 0.1."
        ),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=0.5,
    )
    erase: float = setting(
        0.0,
        mark("Random erasing"),
        mark(
            "The probability with which a rectangle of a training image is erased, 2 % to 33 % of its area (Zhong et "
            "al., arXiv:1708.04896). Its pixels become 0: black without normalization, the mean colour with that of "
            "the dataset. Larger erases more often; 0 turns it off. Usual: 0, or 0.25 to 0.5."
        ),
        advanced=True,
        ge=0,
        zero=mark("off"),
        le=1,
    )
