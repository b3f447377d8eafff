"""What people do in the shop, through the typed client `layette_client`.

That package is generated when the tests run: these modules are imported after it, and their types are checked then.
"""
