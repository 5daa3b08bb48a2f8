"""What can be wrong with the files of a dataset, in words for people. Knows no dataset."""


class DataError(Exception):
    """Data that cannot be used; its text says what happened, why, and what to do."""


class DataMissing(DataError):
    """Files of the dataset are not in the data folder."""


class DataDamaged(DataError):
    """Files of the dataset are there but cannot be read."""
