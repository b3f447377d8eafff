"""What the shop promises, in our words, and what keeps each promise. Ids are P1 to P58, as tests carry them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that the privacy policy says; `enforced_by` names the code that makes it true."""

    id: str
    summary: str
    enforced_by: tuple[str, ...]


PROMISES = (
    Promise(
        "P1",
        "Every row we collect says through which channel it came.",
        ("models.base.channel", "models.base.refuse_channelless"),
    ),
    Promise(
        "P2",
        "Accepting the policy is recorded with its version and is never taken for consent to anything else.",
        ("models.account.Acknowledgement", "commerce.registration"),
    ),
    Promise(
        "P3",
        "Name, addresses, phone and email are kept in typed columns that say what they are.",
        ("models.classification", "models.account.Account", "models.address.Address"),
    ),
    Promise(
        "P4",
        "A card number is never accepted in any text; of a card we keep a token, its brand, last digits and expiry.",
        ("privacy.collection.card_number_in", "models.payment.PaymentMethod"),
    ),
    Promise(
        "P5",
        "An order is facts; who ordered is kept apart and can be cut off from them.",
        ("models.order.Order", "models.order.OrderContact"),
    ),
    Promise(
        "P6",
        "Measurements are sealed, shown to nobody but you and the workshop, and deleted 90 days after delivery unless "
        "you saved them.",
        ("commerce.measurement", "schema.alteration.Alteration", "privacy.retention.done_with_bodies"),
    ),
    Promise(
        "P8",
        "A password is hashed with argon2id and no field reads it.",
        ("auth.passwords.PasswordHasher", "models.account.Credential"),
    ),
    Promise("P14", "Of an internet address we keep the coarse network.", ("auth.networks.coarse",)),
    Promise("P16", "Of a device we keep browser, major version and system.", ("auth.devices.recognise",)),
    Promise(
        "P21",
        "Age is asked as a band, neutrally, and no birth date is stored; another answer does not get past the first.",
        ("models.account.AgeBand", "commerce.registration", "resolvers.age_answer"),
    ),
    Promise(
        "P22",
        "Of a child who asks for an account we keep nothing but the guardian's address.",
        ("models.account.GuardianRequest", "commerce.registration"),
    ),
    Promise("P26", "An account needs a name and an email address.", ("commerce.registration",)),
    Promise("P27", "Everything else is optional and nothing is held back without it.", ("models.account.Account",)),
    Promise("P28", "Whoever buys on the web or by mobile has signed in.", ("commerce.placing.place",)),
    Promise(
        "P29",
        "Before an address of ours is changed we ask for the password again.",
        ("auth.sessions", "commerce.email_change"),
    ),
    Promise(
        "P41",
        "Staff read personal data for a purpose that the policy names, the data is kept for and their role may use.",
        ("auth.permissions.denial", "auth.roles.ROLES", "auth.access_log.recorder"),
    ),
    Promise(
        "P42",
        "A carrier is told name, address and phone, and a payment provider a token and the amount; nothing else.",
        ("schema.fulfillment.Fulfillment", "gateways.payments"),
    ),
    Promise(
        "P45",
        "Other business purposes need a written balancing note before a column may name them.",
        ("models.classification.Personal",),
    ),
    Promise("P48", "A published review has no path to its author.", ("schema.review.PublicReview",)),
    Promise(
        "P50",
        "You can see your name, email, billing and shipping addresses, payment methods, orders, purchases and returns.",
        ("schema.account.Customer",),
    ),
    Promise(
        "P51",
        "You can correct them; a change of email is confirmed from the new mailbox and undone from the old one.",
        ("commerce.account", "commerce.address", "commerce.preference", "commerce.email_change"),
    ),
    Promise(
        "P52",
        "Who works for the shop acknowledges what they are obliged to before they read anything personal.",
        ("privacy.obligations.CURRENT", "auth.permissions.denial"),
    ),
    Promise("P53", "You can see what happened to your account.", ("models.account.AccountEvent",)),
    Promise(
        "P54",
        "Passwords have at least seven characters, are taken as typed, and known ones are refused.",
        ("auth.password_rules.check",),
    ),
    Promise(
        "P55",
        "Signing out ends the session on every server at once; on a public computer it ends by itself, soon.",
        ("auth.sessions", "commerce.login_session"),
    ),
)
