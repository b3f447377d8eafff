"""The access log, for those who oversee it."""

from reads.declare import page, value
from schema.data_access import LATEST_FIRST, OVERSIGHT, StaffAccessConnection, of


@value(readers=OVERSIGHT)
class DataAccessQuery:
    staff_accesses: StaffAccessConnection = page(
        sorts=LATEST_FIRST, arguments={"customer_id": of("cus", "account_id"), "staff_id": of("stf", "staff_id")}
    )
