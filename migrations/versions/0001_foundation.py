"""Accounts, staff, sessions, address books, catalogue, reviews, orders, partners, tills, jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("'CUSTOMER'"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("age_band", sa.Text(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("age_band IN ('UNDER_13', 'FROM_13_TO_17', 'ADULT')", name=op.f("ck_account_age_band")),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_account_channel")),
        sa.CheckConstraint("kind IN ('CUSTOMER', 'STAFF')", name=op.f("ck_account_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_index("uq_account_email", "account", [sa.literal_column("lower(email)"), "kind"], unique=True)
    op.create_index("uq_account_username", "account", [sa.literal_column("lower(username)")], unique=True)
    op.create_table(
        "brand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_brand_slug")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand")),
        sa.UniqueConstraint("slug", name=op.f("uq_brand_slug")),
    )
    op.create_table(
        "category",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_category_slug")),
        sa.ForeignKeyConstraint(["parent_id"], ["category.id"], name=op.f("fk_category_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
        sa.UniqueConstraint("slug", name=op.f("uq_category_slug")),
    )
    op.create_index(op.f("ix_category_parent_id"), "category", ["parent_id"], unique=False)
    op.create_table(
        "guardian_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("guardian_email", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_guardian_request_channel")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian_request")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("dedupe", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'WAITING'"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'RUNNING') = (holder IS NOT NULL)", name=op.f("ck_job_holder")),
        sa.CheckConstraint("dedupe ~ '^[A-Za-z0-9_.:-]{1,120}$'", name=op.f("ck_job_dedupe")),
        sa.CheckConstraint("kind ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$'", name=op.f("ck_job_kind")),
        sa.CheckConstraint("state IN ('WAITING', 'RUNNING', 'DEAD')", name=op.f("ck_job_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index("ix_job_due_at", "job", ["due_at"], unique=False, postgresql_where=sa.text("state <> 'DEAD'"))
    op.create_index(
        "uq_job_dedupe", "job", ["kind", "dedupe"], unique=True, postgresql_where=sa.text("state = 'WAITING'")
    )
    op.create_table(
        "partner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("networks", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('ACTIVE', 'DISABLED')", name=op.f("ck_partner_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner")),
        sa.UniqueConstraint("name", name=op.f("uq_partner_name")),
    )
    op.create_table(
        "password_reset_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("device_kind", sa.Text(), nullable=False),
        sa.Column("ip_network", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_password_reset_request_channel")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_reset_request")),
    )
    op.create_table(
        "registration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("age_band", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.CheckConstraint("age_band <> 'UNDER_13'", name=op.f("ck_registration_not_a_child")),
        sa.CheckConstraint("age_band IN ('UNDER_13', 'FROM_13_TO_17', 'ADULT')", name=op.f("ck_registration_age_band")),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_registration_channel")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
    )
    op.create_table(
        "till",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=True),
        sa.Column("key_prefix", sa.Text(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_till")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_till_key_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_till_name")),
    )
    op.create_table(
        "account_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("device_kind", sa.Text(), nullable=True),
        sa.Column("ip_network", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_account_event_channel")),
        sa.CheckConstraint(
            "kind IN ('REGISTERED', 'SIGNED_IN', 'SIGN_IN_FAILED', 'SIGNED_OUT', 'NEW_DEVICE', 'STEPPED_UP', 'SESSION_REVOKED', 'PASSWORD_CHANGED', 'PASSWORD_RESET_REQUESTED', 'PASSWORD_RESET', 'EMAIL_CHANGE_REQUESTED', 'EMAIL_CHANGED', 'EMAIL_CHANGE_UNDONE', 'PROFILE_CHANGED', 'SECOND_FACTOR_ADDED', 'SECOND_FACTOR_REMOVED', 'RECOVERY_CODE_USED', 'ACTIVITY_REPORTED', 'DISABLED', 'ENABLED')",
            name=op.f("ck_account_event_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_event_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_event")),
    )
    op.create_index("ix_account_event_account_id", "account_event", ["account_id", "occurred_at", "id"], unique=False)
    op.create_table(
        "acknowledgement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_acknowledgement_channel")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_acknowledgement_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgement")),
    )
    op.create_index(op.f("ix_acknowledgement_account_id"), "acknowledgement", ["account_id"], unique=False)
    op.create_table(
        "address",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("recipient_name", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("line1", sa.Text(), nullable=False),
        sa.Column("line2", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("country_code", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("kinds", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_default_shipping", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_default_billing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "NOT is_default_billing OR 'BILLING' = ANY (kinds)", name=op.f("ck_address_default_billing")
        ),
        sa.CheckConstraint(
            "NOT is_default_shipping OR 'SHIPPING' = ANY (kinds)", name=op.f("ck_address_default_shipping")
        ),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_address_channel")),
        sa.CheckConstraint("country_code ~ '^[A-Z]{2}$'", name=op.f("ck_address_country_code")),
        sa.CheckConstraint("kinds <@ ARRAY['BILLING', 'SHIPPING', 'MAILING']::text[]", name=op.f("ck_address_kinds")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_address_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
    )
    op.create_index("ix_address_account_id", "address", ["account_id", "id"], unique=False)
    op.create_index(
        "uq_address_default_billing",
        "address",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("is_default_billing"),
    )
    op.create_index(
        "uq_address_default_shipping",
        "address",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("is_default_shipping"),
    )
    op.create_table(
        "brand_preference",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_brand_preference_channel")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_brand_preference_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["brand_id"], ["brand.id"], name=op.f("fk_brand_preference_brand_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "brand_id", name=op.f("pk_brand_preference")),
    )
    op.create_index(op.f("ix_brand_preference_brand_id"), "brand_preference", ["brand_id"], unique=False)
    op.create_table(
        "communication_preference",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("email", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("sms", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("phone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("post", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_communication_preference_channel")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_communication_preference_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_communication_preference")),
    )
    op.create_table(
        "credential",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_credential_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_credential")),
    )
    op.create_table(
        "email_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("old_email", sa.Text(), nullable=False),
        sa.Column("new_email", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_email_change_channel")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_email_change_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_change")),
    )
    op.create_index(op.f("ix_email_change_account_id"), "email_change", ["account_id"], unique=False)
    op.create_index("ix_email_change_old_email", "email_change", [sa.literal_column("lower(old_email)")], unique=False)
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_seconds", sa.Integer(), nullable=False),
        sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("till_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("device_kind", sa.Text(), nullable=False),
        sa.Column("ip_network", sa.Text(), nullable=True),
        sa.Column("public_computer", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_login_session_channel")),
        sa.CheckConstraint(
            "device_kind IN ('DESKTOP', 'MOBILE', 'TABLET', 'OTHER')", name=op.f("ck_login_session_device_kind")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_login_session_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["till_id"], ["till.id"], name=op.f("fk_login_session_till_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_login_session_token_digest")),
    )
    op.create_index(op.f("ix_login_session_account_id"), "login_session", ["account_id"], unique=False)
    op.create_index(op.f("ix_login_session_till_id"), "login_session", ["till_id"], unique=False)
    op.create_table(
        "challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=True),
        sa.Column("passkey_challenge", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("public_computer", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("by_cookie", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("device_kind", sa.Text(), nullable=False),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_challenge_channel")),
        sa.CheckConstraint(
            "device_kind IN ('DESKTOP', 'MOBILE', 'TABLET', 'OTHER')", name=op.f("ck_challenge_device_kind")
        ),
        sa.CheckConstraint("kind IN ('SIGN_IN', 'STEP_UP', 'ENROLMENT')", name=op.f("ck_challenge_kind")),
        sa.CheckConstraint(
            "(kind = 'SIGN_IN') = (token_digest IS NOT NULL) AND (kind = 'SIGN_IN') = (session_id IS NULL)",
            name=op.f("ck_challenge_place"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_challenge_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["login_session.id"], name=op.f("fk_challenge_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenge")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_challenge_token_digest")),
    )
    op.create_index("ix_challenge_account_id", "challenge", ["account_id", "id"], unique=False)
    op.create_index(op.f("ix_challenge_session_id"), "challenge", ["session_id"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("input_digest", sa.LargeBinary(), nullable=False),
        sa.Column("result_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_idempotency_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_idempotency_key_digest")),
    )
    op.create_index(op.f("ix_idempotency_account_id"), "idempotency", ["account_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("discount_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("shipping_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tax_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("refunded_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("prices_include_tax", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("shipping_method", sa.Text(), server_default=sa.text("'standard'"), nullable=False),
        sa.Column("shipping_tax_rate", sa.Numeric(precision=7, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("shipping_tax_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tax_country", sa.Text(), nullable=True),
        sa.Column("tax_region", sa.Text(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cancel_reason IN ('CHANGED_MIND', 'ORDERED_BY_MISTAKE', 'TOO_SLOW', 'OUT_OF_STOCK', 'FRAUD', 'OTHER')",
            name=op.f("ck_orders_cancel_reason"),
        ),
        sa.CheckConstraint("shipping_method ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_orders_shipping_method")),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_orders_channel")),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_orders_currency")),
        sa.CheckConstraint("number ~ '^[A-Z0-9-]+$'", name=op.f("ck_orders_number")),
        sa.CheckConstraint(
            "status IN ('PENDING_PAYMENT', 'PLACED', 'IN_ALTERATION', 'PARTIALLY_FULFILLED', 'FULFILLED', 'DELIVERED', 'CANCELLED')",
            name=op.f("ck_orders_status"),
        ),
        sa.CheckConstraint("0 <= refunded_total AND refunded_total <= total", name=op.f("ck_orders_refunded_total")),
        sa.CheckConstraint(
            "least(subtotal, discount_total, shipping_total, tax_total, total) >= 0", name=op.f("ck_orders_amounts")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_orders_account_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_orders_number")),
    )
    op.create_index("ix_orders_account_id", "orders", ["account_id", "placed_at", "id"], unique=False)
    op.create_index(
        "ix_orders_unsettled",
        "orders",
        ["placed_at"],
        unique=False,
        postgresql_where=sa.text("status = 'PENDING_PAYMENT'"),
    )
    op.create_index("ix_orders_newest", "orders", ["placed_at", "id"], unique=False)
    op.create_index("ix_orders_total", "orders", ["total", "id"], unique=False)
    op.create_table(
        "partner_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_partner_key_partner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_key")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_partner_key_key_digest")),
    )
    op.create_index(op.f("ix_partner_key_partner_id"), "partner_key", ["partner_id"], unique=False)
    op.create_table(
        "partner_usage",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("requests", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_partner_usage_partner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner_id", "day", name=op.f("pk_partner_usage")),
    )
    op.create_table(
        "payment_method",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("gateway_token", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("expiry_month", sa.SmallInteger(), nullable=False),
        sa.Column("expiry_year", sa.SmallInteger(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_payment_method_channel")),
        sa.CheckConstraint("last4 ~ '^[0-9]{4}$'", name=op.f("ck_payment_method_last4")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_payment_method_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_method")),
    )
    op.create_index(op.f("ix_payment_method_account_id"), "payment_method", ["account_id"], unique=False)
    op.create_index(
        "uq_payment_method_default",
        "payment_method",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "preference",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("interests", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("personalization", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_preference_channel")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_preference_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_preference")),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("care_instructions", sa.Text(), nullable=True),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column("audience", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("custom_made", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("required_measurements", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tax_category", sa.Text(), server_default=sa.text("'STANDARD'"), nullable=False),
        sa.CheckConstraint(
            "required_measurements <@ ARRAY['CHEST', 'WAIST', 'HIP', 'INSEAM', 'SLEEVE', 'SHOULDER', 'HEIGHT', "
            "'NECK', 'BACK_LENGTH', 'HEAD', 'FOOT']::text[]",
            name=op.f("ck_product_required_measurements"),
        ),
        sa.CheckConstraint(
            "tax_category IN ('STANDARD', 'CLOTHING', 'CHILDRENS_CLOTHING')", name=op.f("ck_product_tax_category")
        ),
        sa.Column("featured_rank", sa.Integer(), server_default=sa.text("1000000"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rating_sum", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rating_verified", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rating_histogram", sa.ARRAY(sa.Integer()), server_default=sa.text("'{0,0,0,0,0}'"), nullable=False),
        sa.Column(
            "rating_rank",
            sa.Integer(),
            sa.Computed("CASE WHEN rating_count = 0 THEN 0 ELSE rating_sum * 10000 / rating_count END", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', coalesce(description, '')), 'C')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "audience <@ ARRAY['WOMEN', 'MATERNITY', 'BABY', 'GIRLS', 'BOYS']::text[]", name=op.f("ck_product_audience")
        ),
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_product_slug")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_product_brand_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("slug", name=op.f("uq_product_slug")),
    )
    op.create_index("ix_product_audience", "product", ["audience"], unique=False, postgresql_using="gin")
    op.create_index(op.f("ix_product_brand_id"), "product", ["brand_id"], unique=False)
    op.create_index(
        "ix_product_featured",
        "product",
        ["featured_rank", "id"],
        unique=False,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_index(
        "ix_product_name_trgm",
        "product",
        [sa.literal_column("lower(name)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_product_newest",
        "product",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_index(
        "ix_product_rating",
        "product",
        ["rating_rank", "id"],
        unique=False,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_index("ix_product_search", "product", ["search"], unique=False, postgresql_using="gin")
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_recovery_code_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_account_id"), "recovery_code", ["account_id"], unique=False)
    op.create_table(
        "second_factor",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("credential_id", sa.LargeBinary(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sign_count", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_second_factor_channel")),
        sa.CheckConstraint("method IN ('TOTP', 'PASSKEY', 'RECOVERY_CODE')", name=op.f("ck_second_factor_method")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_second_factor_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_factor")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_second_factor_credential_id")),
    )
    op.create_index(op.f("ix_second_factor_account_id"), "second_factor", ["account_id"], unique=False)
    op.create_table(
        "size_preference",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("garment", sa.Text(), nullable=False),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_size_preference_channel")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_size_preference_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "garment", name=op.f("pk_size_preference")),
    )
    op.create_table(
        "staff_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("access_stamp", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("second_factor_waived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("obligations_version", sa.Text(), nullable=True),
        sa.Column("obligations_acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'INVITED') <= (account_id IS NULL)", name=op.f("ck_staff_member_invited")),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_staff_member_channel")),
        sa.CheckConstraint("kind IN ('EMPLOYEE', 'CONTRACTOR', 'SERVICE_PROVIDER')", name=op.f("ck_staff_member_kind")),
        sa.CheckConstraint("status IN ('INVITED', 'ACTIVE', 'DISABLED')", name=op.f("ck_staff_member_status")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_staff_member_account_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_member")),
        sa.UniqueConstraint("account_id", name=op.f("uq_staff_member_account_id")),
    )
    op.create_index("uq_staff_member_email", "staff_member", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "staff_pin",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("pin_hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_staff_pin_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_staff_pin")),
    )
    op.create_table(
        "alteration_service",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('HEM', 'TAKE_IN', 'LET_OUT', 'SHORTEN_SLEEVES', 'LENGTHEN', 'MONOGRAM', 'OTHER', 'MADE_TO_MEASURE')",
            name=op.f("ck_alteration_service_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_alteration_service_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alteration_service")),
    )
    op.create_index("uq_alteration_service_kind", "alteration_service", ["product_id", "kind"], unique=True)
    op.create_table(
        "data_access",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("case_reference", sa.Text(), nullable=True),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('ACCESS', 'PRODUCTS', 'PERSONALIZATION', 'ANALYTICS', 'BUSINESS', 'LEGAL_SAFETY')",
            name=op.f("ck_data_access_purpose"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_data_access_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_member.id"], name=op.f("fk_data_access_staff_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_access")),
    )
    op.create_index("ix_data_access_account_id", "data_access", ["account_id", "occurred_at", "id"], unique=False)
    op.create_index("ix_data_access_newest", "data_access", ["occurred_at", "id"], unique=False)
    op.create_index("ix_data_access_staff_id", "data_access", ["staff_id", "occurred_at", "id"], unique=False)
    op.create_table(
        "customer_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_customer_decision_channel")
        ),
        sa.CheckConstraint("kind IN ('DISABLED', 'ENABLED')", name=op.f("ck_customer_decision_kind")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_customer_decision_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_member.id"], name=op.f("fk_customer_decision_staff_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_decision")),
    )
    op.create_index("ix_customer_decision_account_id", "customer_decision", ["account_id", "decided_at"], unique=False)
    op.create_index(op.f("ix_customer_decision_staff_id"), "customer_decision", ["staff_id"], unique=False)
    op.create_table(
        "mail_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("registration_id", sa.Uuid(), nullable=True),
        sa.Column("guardian_request_id", sa.Uuid(), nullable=True),
        sa.Column("email_change_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('VERIFY', 'GUARDIAN_CONSENT', 'PASSWORD_RESET', 'EMAIL_CHANGE', 'EMAIL_CHANGE_UNDO', 'STAFF_INVITATION')",
            name=op.f("ck_mail_token_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_mail_token_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["email_change_id"], ["email_change.id"], name=op.f("fk_mail_token_email_change_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["guardian_request_id"],
            ["guardian_request.id"],
            name=op.f("fk_mail_token_guardian_request_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_mail_token_registration_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_member.id"], name=op.f("fk_mail_token_staff_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_token")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_mail_token_token_digest")),
    )
    op.create_index(op.f("ix_mail_token_account_id"), "mail_token", ["account_id"], unique=False)
    op.create_index(op.f("ix_mail_token_email_change_id"), "mail_token", ["email_change_id"], unique=False)
    op.create_index(op.f("ix_mail_token_guardian_request_id"), "mail_token", ["guardian_request_id"], unique=False)
    op.create_index(op.f("ix_mail_token_registration_id"), "mail_token", ["registration_id"], unique=False)
    op.create_index(op.f("ix_mail_token_staff_id"), "mail_token", ["staff_id"], unique=False)
    op.create_table(
        "order_address",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient_name", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("line1", sa.Text(), nullable=True),
        sa.Column("line2", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("country_code", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_order_address_channel")),
        sa.CheckConstraint("kind IN ('SHIPPING', 'BILLING')", name=op.f("ck_order_address_kind")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_order_address_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_address_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", "kind", name=op.f("pk_order_address")),
    )
    op.create_index(op.f("ix_order_address_account_id"), "order_address", ["account_id"], unique=False)
    op.create_table(
        "order_contact",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_order_contact_channel")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_order_contact_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_contact_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_contact")),
    )
    op.create_index(op.f("ix_order_contact_account_id"), "order_contact", ["account_id"], unique=False)
    op.create_table(
        "order_payment",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("last4", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_order_payment_channel")),
        sa.CheckConstraint("last4 ~ '^[0-9]{4}$'", name=op.f("ck_order_payment_last4")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'AUTHORIZED', 'CAPTURED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'FAILED')",
            name=op.f("ck_order_payment_status"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_order_payment_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_payment_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_payment")),
    )
    op.create_index(op.f("ix_order_payment_account_id"), "order_payment", ["account_id"], unique=False)
    op.create_table(
        "product_category",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_product_category_category_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_category_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", "category_id", name=op.f("pk_product_category")),
    )
    op.create_index(op.f("ix_product_category_category_id"), "product_category", ["category_id"], unique=False)
    op.create_table(
        "product_media",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("unused_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alt", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_media_product_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_media")),
    )
    op.create_index(
        "ix_product_media_unused",
        "product_media",
        ["unused_since"],
        unique=False,
        postgresql_where=sa.text("unused_since IS NOT NULL"),
    )
    op.create_index("uq_product_media_position", "product_media", ["product_id", "position"], unique=True)
    op.create_table(
        "product_price",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("maximum", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_product_price_currency")),
        sa.CheckConstraint("0 <= minimum AND minimum <= maximum", name=op.f("ck_product_price_ordered")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_price_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", "currency", name=op.f("pk_product_price")),
    )
    op.create_index("ix_product_price_minimum", "product_price", ["currency", "minimum", "product_id"], unique=False)
    op.create_table(
        "review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("verified_purchase", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("incentivised", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("helpful_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("(status = 'PUBLISHED') <= (published_at IS NOT NULL)", name=op.f("ck_review_published")),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_review_channel")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'PUBLISHED', 'REJECTED', 'WITHDRAWN', 'ERASED')", name=op.f("ck_review_status")
        ),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_review_rating")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_review_account_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_review_product_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index(op.f("ix_review_account_id"), "review", ["account_id"], unique=False)
    op.create_index(
        "ix_review_helpful",
        "review",
        ["product_id", "helpful_count", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_review_newest",
        "review",
        ["product_id", "published_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_review_rating",
        "review",
        ["product_id", "rating", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'PUBLISHED'"),
    )
    op.create_index("uq_review_author", "review", ["product_id", "account_id"], unique=True)
    op.create_table(
        "staff_role",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_member.id"], name=op.f("fk_staff_role_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("staff_id", "role", name=op.f("pk_staff_role")),
    )
    op.create_table(
        "variant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("color", sa.Text(), nullable=True),
        sa.Column("weight_grams", sa.Integer(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("sku ~ '^[A-Za-z0-9][A-Za-z0-9._/-]*$'", name=op.f("ck_variant_sku")),
        sa.CheckConstraint("on_hand >= 0 AND weight_grams > 0", name=op.f("ck_variant_on_hand")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_variant_product_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variant")),
        sa.UniqueConstraint("sku", name=op.f("uq_variant_sku")),
    )
    op.create_index(
        "ix_variant_size",
        "variant",
        ["size", "product_id"],
        unique=False,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_index("uq_variant_position", "variant", ["product_id", "position"], unique=True)
    op.create_table(
        "alteration_price",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_alteration_price_currency")),
        sa.ForeignKeyConstraint(
            ["service_id"], ["alteration_service.id"], name=op.f("fk_alteration_price_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("service_id", "currency", name=op.f("pk_alteration_price")),
    )
    op.create_table(
        "order_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("color", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("custom_made", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("discount_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=7, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("tax_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fulfilled_quantity", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("returned_quantity", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cancelled_quantity", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "least(discount_total, tax_total, fulfilled_quantity, returned_quantity, cancelled_quantity) >= 0 "
            "AND discount_total <= total AND fulfilled_quantity + cancelled_quantity <= quantity "
            "AND returned_quantity <= fulfilled_quantity",
            name=op.f("ck_order_line_counts"),
        ),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_order_line_currency")),
        sa.CheckConstraint("quantity > 0 AND unit_price >= 0 AND total >= 0", name=op.f("ck_order_line_amounts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_line_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_order_line_variant_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
    )
    op.create_index(op.f("ix_order_line_variant_id"), "order_line", ["variant_id"], unique=False)
    op.create_index("uq_order_line_position", "order_line", ["order_id", "position"], unique=True)
    op.create_index("ix_order_line_sku", "order_line", ["sku"], unique=False)
    op.create_table(
        "variant_price",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("compare_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_variant_price_currency")),
        sa.CheckConstraint("price >= 0 AND compare_at >= price", name=op.f("ck_variant_price_prices")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_variant_price_variant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("variant_id", "currency", name=op.f("pk_variant_price")),
    )


def downgrade() -> None:
    op.drop_table("variant_price")
    op.drop_index("ix_order_line_sku", table_name="order_line")
    op.drop_index("uq_order_line_position", table_name="order_line")
    op.drop_index(op.f("ix_order_line_variant_id"), table_name="order_line")
    op.drop_table("order_line")
    op.drop_table("alteration_price")
    op.drop_index("uq_variant_position", table_name="variant")
    op.drop_index("ix_variant_size", table_name="variant", postgresql_where=sa.text("archived_at IS NULL"))
    op.drop_table("variant")
    op.drop_table("staff_role")
    op.drop_index("uq_review_author", table_name="review")
    op.drop_index("ix_review_rating", table_name="review", postgresql_where=sa.text("status = 'PUBLISHED'"))
    op.drop_index("ix_review_newest", table_name="review", postgresql_where=sa.text("status = 'PUBLISHED'"))
    op.drop_index("ix_review_helpful", table_name="review", postgresql_where=sa.text("status = 'PUBLISHED'"))
    op.drop_index(op.f("ix_review_account_id"), table_name="review")
    op.drop_table("review")
    op.drop_index("ix_product_price_minimum", table_name="product_price")
    op.drop_table("product_price")
    op.drop_index("uq_product_media_position", table_name="product_media")
    op.drop_index(
        "ix_product_media_unused", table_name="product_media", postgresql_where=sa.text("unused_since IS NOT NULL")
    )
    op.drop_table("product_media")
    op.drop_index(op.f("ix_product_category_category_id"), table_name="product_category")
    op.drop_table("product_category")
    op.drop_index(op.f("ix_order_payment_account_id"), table_name="order_payment")
    op.drop_table("order_payment")
    op.drop_index(op.f("ix_order_contact_account_id"), table_name="order_contact")
    op.drop_table("order_contact")
    op.drop_index(op.f("ix_order_address_account_id"), table_name="order_address")
    op.drop_table("order_address")
    op.drop_index(op.f("ix_mail_token_staff_id"), table_name="mail_token")
    op.drop_index(op.f("ix_mail_token_registration_id"), table_name="mail_token")
    op.drop_index(op.f("ix_mail_token_guardian_request_id"), table_name="mail_token")
    op.drop_index(op.f("ix_mail_token_email_change_id"), table_name="mail_token")
    op.drop_index(op.f("ix_mail_token_account_id"), table_name="mail_token")
    op.drop_table("mail_token")
    op.drop_index(op.f("ix_customer_decision_staff_id"), table_name="customer_decision")
    op.drop_index("ix_customer_decision_account_id", table_name="customer_decision")
    op.drop_table("customer_decision")
    op.drop_index("ix_data_access_staff_id", table_name="data_access")
    op.drop_index("ix_data_access_newest", table_name="data_access")
    op.drop_index("ix_data_access_account_id", table_name="data_access")
    op.drop_table("data_access")
    op.drop_index("uq_alteration_service_kind", table_name="alteration_service")
    op.drop_table("alteration_service")
    op.drop_table("staff_pin")
    op.drop_index("uq_staff_member_email", table_name="staff_member")
    op.drop_table("staff_member")
    op.drop_table("size_preference")
    op.drop_index(op.f("ix_second_factor_account_id"), table_name="second_factor")
    op.drop_table("second_factor")
    op.drop_index(op.f("ix_recovery_code_account_id"), table_name="recovery_code")
    op.drop_table("recovery_code")
    op.drop_index("ix_product_search", table_name="product", postgresql_using="gin")
    op.drop_index("ix_product_rating", table_name="product", postgresql_where=sa.text("archived_at IS NULL"))
    op.drop_index("ix_product_newest", table_name="product", postgresql_where=sa.text("archived_at IS NULL"))
    op.drop_index(
        "ix_product_name_trgm", table_name="product", postgresql_using="gin", postgresql_ops={"folded": "gin_trgm_ops"}
    )
    op.drop_index("ix_product_featured", table_name="product", postgresql_where=sa.text("archived_at IS NULL"))
    op.drop_index(op.f("ix_product_brand_id"), table_name="product")
    op.drop_index("ix_product_audience", table_name="product", postgresql_using="gin")
    op.drop_table("product")
    op.drop_table("preference")
    op.drop_index("uq_payment_method_default", table_name="payment_method", postgresql_where=sa.text("is_default"))
    op.drop_index(op.f("ix_payment_method_account_id"), table_name="payment_method")
    op.drop_table("payment_method")
    op.drop_table("partner_usage")
    op.drop_index(op.f("ix_partner_key_partner_id"), table_name="partner_key")
    op.drop_table("partner_key")
    op.drop_index("ix_orders_total", table_name="orders")
    op.drop_index("ix_orders_newest", table_name="orders")
    op.drop_index("ix_orders_account_id", table_name="orders")
    op.drop_table("orders")
    op.drop_index(op.f("ix_idempotency_account_id"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index(op.f("ix_challenge_session_id"), table_name="challenge")
    op.drop_index("ix_challenge_account_id", table_name="challenge")
    op.drop_table("challenge")
    op.drop_index(op.f("ix_login_session_till_id"), table_name="login_session")
    op.drop_index(op.f("ix_login_session_account_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_index("ix_email_change_old_email", table_name="email_change")
    op.drop_index(op.f("ix_email_change_account_id"), table_name="email_change")
    op.drop_table("email_change")
    op.drop_table("credential")
    op.drop_table("communication_preference")
    op.drop_index(op.f("ix_brand_preference_brand_id"), table_name="brand_preference")
    op.drop_table("brand_preference")
    op.drop_index("uq_address_default_shipping", table_name="address", postgresql_where=sa.text("is_default_shipping"))
    op.drop_index("uq_address_default_billing", table_name="address", postgresql_where=sa.text("is_default_billing"))
    op.drop_index("ix_address_account_id", table_name="address")
    op.drop_table("address")
    op.drop_index(op.f("ix_acknowledgement_account_id"), table_name="acknowledgement")
    op.drop_table("acknowledgement")
    op.drop_index("ix_account_event_account_id", table_name="account_event")
    op.drop_table("account_event")
    op.drop_table("till")
    op.drop_table("registration")
    op.drop_table("password_reset_request")
    op.drop_table("partner")
    op.drop_index("uq_job_dedupe", table_name="job", postgresql_where=sa.text("state = 'WAITING'"))
    op.drop_index("ix_job_due_at", table_name="job", postgresql_where=sa.text("state <> 'DEAD'"))
    op.drop_table("job")
    op.drop_table("guardian_request")
    op.drop_index(op.f("ix_category_parent_id"), table_name="category")
    op.drop_table("category")
    op.drop_table("brand")
    op.drop_index("uq_account_username", table_name="account")
    op.drop_index("uq_account_email", table_name="account")
    op.drop_table("account")
