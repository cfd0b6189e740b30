"""All mutations, in the order of an event's way, and those of attacks and of whole faults."""

from typing import Final

from tests.mutations.access import ACCESS
from tests.mutations.attacks import ATTACKS
from tests.mutations.faults import FAULTS
from tests.mutations.mutation import Mutation
from tests.mutations.scarce import SCARCE
from tests.mutations.sums import SUMS
from tests.mutations.the_way import THE_WAY

MUTATIONS: Final[tuple[Mutation, ...]] = (*THE_WAY, *SUMS, *SCARCE, *ACCESS, *ATTACKS, *FAULTS)
