"""Stock ledger, discounts, shipping methods, carts, measurements, payments, fulfilment, alterations, returns."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    op.create_table(
        "discount",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=6, scale=3), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("total_limit", sa.Integer(), nullable=True),
        sa.Column("per_customer_limit", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("combinable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'PERCENT') = (percent IS NOT NULL) AND percent > 0 AND percent <= 100",
            name=op.f("ck_discount_percent"),
        ),
        sa.CheckConstraint("code ~ '^[A-Z0-9][A-Z0-9_-]*$'", name=op.f("ck_discount_code")),
        sa.CheckConstraint("kind IN ('PERCENT', 'AMOUNT', 'FREE_SHIPPING')", name=op.f("ck_discount_kind")),
        sa.CheckConstraint(
            "total_limit > 0 AND per_customer_limit > 0 AND starts_at < ends_at", name=op.f("ck_discount_limits")
        ),
        sa.CheckConstraint("used >= 0 AND used <= total_limit", name=op.f("ck_discount_used")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount")),
        sa.UniqueConstraint("code", name=op.f("uq_discount_code")),
    )
    op.create_table(
        "gateway_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("gateway ~ '^[a-z]+$'", name=op.f("ck_gateway_event_gateway")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_event")),
    )
    op.create_index("uq_gateway_event_key", "gateway_event", ["gateway", "event_key"], unique=True)
    op.create_table(
        "forgotten_card",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway_token", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten_card")),
    )
    op.create_table(
        "shipping_method",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("countries", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("pickup", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("min_days", sa.SmallInteger(), nullable=True),
        sa.Column("max_days", sa.SmallInteger(), nullable=True),
        sa.Column("max_weight_grams", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_shipping_method_code")),
        sa.CheckConstraint(
            "0 <= min_days AND min_days <= max_days AND max_weight_grams > 0", name=op.f("ck_shipping_method_terms")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipping_method")),
        sa.UniqueConstraint("code", name=op.f("uq_shipping_method_code")),
    )
    op.create_table(
        "discount_amount",
        sa.Column("discount_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("minimum", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_discount_amount_currency")),
        sa.CheckConstraint("amount > 0 AND minimum >= 0", name=op.f("ck_discount_amount_amounts")),
        sa.ForeignKeyConstraint(
            ["discount_id"], ["discount.id"], name=op.f("fk_discount_amount_discount_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("discount_id", "currency", name=op.f("pk_discount_amount")),
    )
    op.create_table(
        "discount_category",
        sa.Column("discount_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_discount_category_category_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["discount_id"], ["discount.id"], name=op.f("fk_discount_category_discount_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("discount_id", "category_id", name=op.f("pk_discount_category")),
    )
    op.create_index(op.f("ix_discount_category_category_id"), "discount_category", ["category_id"], unique=False)
    op.create_table(
        "measurement_set",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("keep", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_measurement_set_channel")
        ),
        sa.CheckConstraint("person IN ('ADULT', 'CHILD')", name=op.f("ck_measurement_set_person")),
        sa.CheckConstraint("unit IN ('CM', 'IN')", name=op.f("ck_measurement_set_unit")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_measurement_set_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measurement_set")),
    )
    op.create_index(op.f("ix_measurement_set_account_id"), "measurement_set", ["account_id"], unique=False)
    op.create_table(
        "shipping_price",
        sa.Column("method_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("free_from", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_shipping_price_currency")),
        sa.CheckConstraint("price >= 0 AND free_from >= 0", name=op.f("ck_shipping_price_price")),
        sa.ForeignKeyConstraint(
            ["method_id"], ["shipping_method.id"], name=op.f("fk_shipping_price_method_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("method_id", "currency", name=op.f("pk_shipping_price")),
    )
    op.create_table(
        "cart",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placing_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_cart_channel")),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_cart_currency")),
        sa.CheckConstraint("(account_id IS NULL) <> (token_digest IS NULL)", name=op.f("ck_cart_holder")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_cart_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["placing_id"], ["orders.id"], name=op.f("fk_cart_placing_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_cart_token_digest")),
    )
    op.create_index(op.f("ix_cart_account_id"), "cart", ["account_id"], unique=False)
    op.create_index(op.f("ix_cart_expires_at"), "cart", ["expires_at"], unique=False)
    op.create_index(op.f("ix_cart_placing_id"), "cart", ["placing_id"], unique=False)
    op.create_table(
        "charge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("gateway_key", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_charge_currency")),
        sa.CheckConstraint("gateway ~ '^[a-z]+$'", name=op.f("ck_charge_gateway")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'ACTION', 'AUTHORIZED', 'CAPTURED', 'FAILED', 'VOIDED')",
            name=op.f("ck_charge_status"),
        ),
        sa.CheckConstraint("amount > 0 AND 0 <= refunded AND refunded <= amount", name=op.f("ck_charge_amounts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_charge_order_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge")),
    )
    op.create_index(op.f("ix_charge_gateway_key"), "charge", ["gateway_key"], unique=False)
    op.create_index(op.f("ix_charge_order_id"), "charge", ["order_id"], unique=False)
    op.create_index(
        "ix_charge_unsettled",
        "charge",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'ACTION')"),
    )
    op.create_table(
        "discount_product",
        sa.Column("discount_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["discount_id"], ["discount.id"], name=op.f("fk_discount_product_discount_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_discount_product_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("discount_id", "product_id", name=op.f("pk_discount_product")),
    )
    op.create_index(op.f("ix_discount_product_product_id"), "discount_product", ["product_id"], unique=False)
    op.create_table(
        "discount_use",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("discount_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_discount_use_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["discount_id"], ["discount.id"], name=op.f("fk_discount_use_discount_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_discount_use_order_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("order_id", "discount_id", name=op.f("pk_discount_use")),
    )
    op.create_index(op.f("ix_discount_use_account_id"), "discount_use", ["account_id"], unique=False)
    op.create_index("ix_discount_use_customer", "discount_use", ["discount_id", "account_id"], unique=False)
    op.create_table(
        "fulfillment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("tracking_url", sa.Text(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_fulfillment_channel")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_fulfillment_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_fulfillment_order_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfillment")),
    )
    op.create_index(op.f("ix_fulfillment_account_id"), "fulfillment", ["account_id"], unique=False)
    op.create_index(op.f("ix_fulfillment_order_id"), "fulfillment", ["order_id"], unique=False)
    op.create_table(
        "return_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("rma", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("exchange_order_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_return_request_channel")),
        sa.CheckConstraint("rma ~ '^[A-Z0-9-]+$'", name=op.f("ck_return_request_rma")),
        sa.CheckConstraint(
            "status IN ('REQUESTED', 'APPROVED', 'DECLINED', 'RECEIVED', 'REFUNDED', 'CANCELLED')",
            name=op.f("ck_return_request_status"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_return_request_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["exchange_order_id"], ["orders.id"], name=op.f("fk_return_request_exchange_order_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_return_request_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_request")),
        sa.UniqueConstraint("rma", name=op.f("uq_return_request_rma")),
    )
    op.create_index("ix_return_request_account_id", "return_request", ["account_id", "id"], unique=False)
    op.create_index(op.f("ix_return_request_exchange_order_id"), "return_request", ["exchange_order_id"], unique=False)
    op.create_index(op.f("ix_return_request_order_id"), "return_request", ["order_id"], unique=False)
    op.create_index("ix_return_request_queue", "return_request", ["status", "id"], unique=False)
    op.create_table(
        "cart_discount",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("discount_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["cart_id"], ["cart.id"], name=op.f("fk_cart_discount_cart_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["discount_id"], ["discount.id"], name=op.f("fk_cart_discount_discount_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cart_id", "discount_id", name=op.f("pk_cart_discount")),
    )
    op.create_index(op.f("ix_cart_discount_discount_id"), "cart_discount", ["discount_id"], unique=False)
    op.create_table(
        "cart_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("seen_price", sa.BigInteger(), nullable=False),
        sa.Column("measurement_set_id", sa.Uuid(), nullable=True),
        sa.Column("gift_message", sa.Text(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_cart_line_quantity")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_cart_line_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["cart_id"], ["cart.id"], name=op.f("fk_cart_line_cart_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["measurement_set_id"],
            ["measurement_set.id"],
            name=op.f("fk_cart_line_measurement_set_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_cart_line_variant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_line")),
    )
    op.create_index(op.f("ix_cart_line_account_id"), "cart_line", ["account_id"], unique=False)
    op.create_index(op.f("ix_cart_line_measurement_set_id"), "cart_line", ["measurement_set_id"], unique=False)
    op.create_index("ix_cart_line_position", "cart_line", ["cart_id", "position"], unique=False)
    op.create_index(op.f("ix_cart_line_variant_id"), "cart_line", ["variant_id"], unique=False)
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("return_request_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("shipping_amount", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_refund_currency")),
        sa.CheckConstraint(
            "reason IN ('RETURN', 'CANCELLATION', 'GOODWILL', 'DAMAGED', 'LOST', 'OTHER')",
            name=op.f("ck_refund_reason"),
        ),
        sa.CheckConstraint("status IN ('PENDING', 'SUCCEEDED', 'FAILED')", name=op.f("ck_refund_status")),
        sa.CheckConstraint(
            "amount > 0 AND 0 <= shipping_amount AND shipping_amount <= amount", name=op.f("ck_refund_amounts")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refund_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["return_request_id"], ["return_request.id"], name=op.f("fk_refund_return_request_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
    )
    op.create_index(op.f("ix_refund_order_id"), "refund", ["order_id"], unique=False)
    op.create_index(op.f("ix_refund_return_request_id"), "refund", ["return_request_id"], unique=False)
    op.create_index(
        "ix_refund_unsettled", "refund", ["created_at"], unique=False, postgresql_where=sa.text("status = 'PENDING'")
    )
    op.create_index(
        "uq_refund_return", "refund", ["return_request_id"], unique=True, postgresql_where=sa.text("status <> 'FAILED'")
    )
    op.create_table(
        "refund_part",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("charge_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_part_amount")),
        sa.CheckConstraint("status IN ('PENDING', 'SUCCEEDED', 'FAILED')", name=op.f("ck_refund_part_status")),
        sa.ForeignKeyConstraint(
            ["charge_id"], ["charge.id"], name=op.f("fk_refund_part_charge_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refund.id"], name=op.f("fk_refund_part_refund_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_part")),
    )
    op.create_index(op.f("ix_refund_part_charge_id"), "refund_part", ["charge_id"], unique=False)
    op.create_index(op.f("ix_refund_part_refund_id"), "refund_part", ["refund_id"], unique=False)
    op.create_table(
        "stock_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('RECEIVED', 'SALE', 'CANCELLATION', 'RETURN', 'DAMAGED', 'LOST', 'COUNTED')",
            name=op.f("ck_stock_entry_kind"),
        ),
        sa.CheckConstraint("balance >= 0 AND change <> 0", name=op.f("ck_stock_entry_change")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_stock_entry_order_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_stock_entry_variant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_entry")),
    )
    op.create_index("ix_stock_entry_newest", "stock_entry", ["variant_id", "at", "id"], unique=False)
    op.create_index(op.f("ix_stock_entry_order_id"), "stock_entry", ["order_id"], unique=False)
    op.create_table(
        "tender",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('CASH', 'CARD_TERMINAL')", name=op.f("ck_tender_kind")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_tender_amount")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_tender_charge_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tender_order_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tender")),
    )
    op.create_index(op.f("ix_tender_charge_id"), "tender", ["charge_id"], unique=False)
    op.create_index(op.f("ix_tender_order_id"), "tender", ["order_id"], unique=False)
    op.create_table(
        "alteration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("workshop_note", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_alteration_channel")),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_alteration_currency")),
        sa.CheckConstraint(
            "kind IN ('HEM', 'TAKE_IN', 'LET_OUT', 'SHORTEN_SLEEVES', 'LENGTHEN', 'MONOGRAM', 'OTHER', 'MADE_TO_MEASURE')",
            name=op.f("ck_alteration_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('REQUESTED', 'IN_PROGRESS', 'READY', 'DONE', 'CANCELLED')", name=op.f("ck_alteration_status")
        ),
        sa.CheckConstraint("ticket ~ '^[A-Z0-9-]+$'", name=op.f("ck_alteration_ticket")),
        sa.CheckConstraint("price >= 0 AND quantity > 0", name=op.f("ck_alteration_amounts")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_alteration_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_alteration_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_alteration_order_line_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alteration")),
        sa.UniqueConstraint("ticket", name=op.f("uq_alteration_ticket")),
    )
    op.create_index(op.f("ix_alteration_account_id"), "alteration", ["account_id"], unique=False)
    op.create_index(op.f("ix_alteration_order_id"), "alteration", ["order_id"], unique=False)
    op.create_index(op.f("ix_alteration_order_line_id"), "alteration", ["order_line_id"], unique=False)
    op.create_index("ix_alteration_queue", "alteration", ["status", "due_on", "id"], unique=False)
    op.create_table(
        "cart_alteration",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('HEM', 'TAKE_IN', 'LET_OUT', 'SHORTEN_SLEEVES', 'LENGTHEN', 'MONOGRAM', 'OTHER', 'MADE_TO_MEASURE')",
            name=op.f("ck_cart_alteration_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_cart_alteration_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["cart_line.id"], name=op.f("fk_cart_alteration_line_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("line_id", "kind", name=op.f("pk_cart_alteration")),
    )
    op.create_index(op.f("ix_cart_alteration_account_id"), "cart_alteration", ["account_id"], unique=False)
    op.create_table(
        "fulfillment_line",
        sa.Column("fulfillment_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_fulfillment_line_quantity")),
        sa.ForeignKeyConstraint(
            ["fulfillment_id"], ["fulfillment.id"], name=op.f("fk_fulfillment_line_fulfillment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_fulfillment_line_order_line_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fulfillment_id", "order_line_id", name=op.f("pk_fulfillment_line")),
    )
    op.create_index(op.f("ix_fulfillment_line_order_line_id"), "fulfillment_line", ["order_line_id"], unique=False)
    op.create_table(
        "order_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("fulfillment_id", sa.Uuid(), nullable=True),
        sa.Column("return_request_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('PLACED', 'PAYMENT_PENDING', 'PAYMENT_SETTLED', 'PAYMENT_FAILED', 'ALTERATION_STARTED', 'ALTERATION_READY', 'FULFILLED', 'DELIVERED', 'RETURN_REQUESTED', 'RETURN_DECIDED', 'RETURN_RECEIVED', 'REFUNDED', 'CANCELLED')",
            name=op.f("ck_order_event_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["fulfillment_id"], ["fulfillment.id"], name=op.f("fk_order_event_fulfillment_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_event_order_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refund.id"], name=op.f("fk_order_event_refund_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["return_request_id"],
            ["return_request.id"],
            name=op.f("fk_order_event_return_request_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_event")),
    )
    op.create_index(op.f("ix_order_event_fulfillment_id"), "order_event", ["fulfillment_id"], unique=False)
    op.create_index(op.f("ix_order_event_refund_id"), "order_event", ["refund_id"], unique=False)
    op.create_index(op.f("ix_order_event_return_request_id"), "order_event", ["return_request_id"], unique=False)
    op.create_index("ix_order_event_timeline", "order_event", ["order_id", "id"], unique=False)
    op.create_table(
        "order_gift",
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint("channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_order_gift_channel")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_order_gift_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_order_gift_order_line_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_line_id", name=op.f("pk_order_gift")),
    )
    op.create_index(op.f("ix_order_gift_account_id"), "order_gift", ["account_id"], unique=False)
    op.create_table(
        "order_measurement",
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "channel IN ('WEB', 'MOBILE', 'IN_STORE', 'PHONE')", name=op.f("ck_order_measurement_channel")
        ),
        sa.CheckConstraint("person IN ('ADULT', 'CHILD')", name=op.f("ck_order_measurement_person")),
        sa.CheckConstraint("unit IN ('CM', 'IN')", name=op.f("ck_order_measurement_unit")),
        sa.CheckConstraint("(sealed IS NULL) = (deleted_at IS NOT NULL)", name=op.f("ck_order_measurement_deleted")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_order_measurement_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_order_measurement_order_line_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_line_id", name=op.f("pk_order_measurement")),
    )
    op.create_index(op.f("ix_order_measurement_account_id"), "order_measurement", ["account_id"], unique=False)
    op.create_table(
        "refund_line",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD')", name=op.f("ck_refund_line_currency")),
        sa.CheckConstraint("quantity > 0 AND amount >= 0", name=op.f("ck_refund_line_amounts")),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_refund_line_order_line_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refund.id"], name=op.f("fk_refund_line_refund_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("refund_id", "order_line_id", name=op.f("pk_refund_line")),
    )
    op.create_index(op.f("ix_refund_line_order_line_id"), "refund_line", ["order_line_id"], unique=False)
    op.create_table(
        "return_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("return_request_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("restocked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("exchange_variant_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('TOO_SMALL', 'TOO_LARGE', 'NOT_AS_DESCRIBED', 'DAMAGED', 'WRONG_ITEM', 'CHANGED_MIND', 'UNWANTED_GIFT', 'OTHER')",
            name=op.f("ck_return_line_reason"),
        ),
        sa.CheckConstraint(
            "quantity > 0 AND 0 <= restocked AND restocked <= received_quantity AND received_quantity <= quantity",
            name=op.f("ck_return_line_quantities"),
        ),
        sa.ForeignKeyConstraint(
            ["exchange_variant_id"],
            ["variant.id"],
            name=op.f("fk_return_line_exchange_variant_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_return_line_order_line_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["return_request_id"],
            ["return_request.id"],
            name=op.f("fk_return_line_return_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_line")),
    )
    op.create_index(op.f("ix_return_line_exchange_variant_id"), "return_line", ["exchange_variant_id"], unique=False)
    op.create_index(op.f("ix_return_line_order_line_id"), "return_line", ["order_line_id"], unique=False)
    op.create_index(op.f("ix_return_line_return_request_id"), "return_line", ["return_request_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_return_line_return_request_id"), table_name="return_line")
    op.drop_index(op.f("ix_return_line_order_line_id"), table_name="return_line")
    op.drop_index(op.f("ix_return_line_exchange_variant_id"), table_name="return_line")
    op.drop_table("return_line")
    op.drop_index(op.f("ix_refund_line_order_line_id"), table_name="refund_line")
    op.drop_table("refund_line")
    op.drop_index(op.f("ix_order_measurement_account_id"), table_name="order_measurement")
    op.drop_table("order_measurement")
    op.drop_index(op.f("ix_order_gift_account_id"), table_name="order_gift")
    op.drop_table("order_gift")
    op.drop_index("ix_order_event_timeline", table_name="order_event")
    op.drop_index(op.f("ix_order_event_return_request_id"), table_name="order_event")
    op.drop_index(op.f("ix_order_event_refund_id"), table_name="order_event")
    op.drop_index(op.f("ix_order_event_fulfillment_id"), table_name="order_event")
    op.drop_table("order_event")
    op.drop_index(op.f("ix_fulfillment_line_order_line_id"), table_name="fulfillment_line")
    op.drop_table("fulfillment_line")
    op.drop_index(op.f("ix_cart_alteration_account_id"), table_name="cart_alteration")
    op.drop_table("cart_alteration")
    op.drop_index("ix_alteration_queue", table_name="alteration")
    op.drop_index(op.f("ix_alteration_order_line_id"), table_name="alteration")
    op.drop_index(op.f("ix_alteration_order_id"), table_name="alteration")
    op.drop_index(op.f("ix_alteration_account_id"), table_name="alteration")
    op.drop_table("alteration")
    op.drop_index(op.f("ix_tender_order_id"), table_name="tender")
    op.drop_index(op.f("ix_tender_charge_id"), table_name="tender")
    op.drop_table("tender")
    op.drop_index(op.f("ix_stock_entry_order_id"), table_name="stock_entry")
    op.drop_index("ix_stock_entry_newest", table_name="stock_entry")
    op.drop_table("stock_entry")
    op.drop_table("refund_part")
    op.drop_index("uq_refund_return", table_name="refund", postgresql_where=sa.text("status <> 'FAILED'"))
    op.drop_index("ix_refund_unsettled", table_name="refund", postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_index(op.f("ix_refund_return_request_id"), table_name="refund")
    op.drop_index(op.f("ix_refund_order_id"), table_name="refund")
    op.drop_table("refund")
    op.drop_index(op.f("ix_cart_line_variant_id"), table_name="cart_line")
    op.drop_index("ix_cart_line_position", table_name="cart_line")
    op.drop_index(op.f("ix_cart_line_measurement_set_id"), table_name="cart_line")
    op.drop_index(op.f("ix_cart_line_account_id"), table_name="cart_line")
    op.drop_table("cart_line")
    op.drop_index(op.f("ix_cart_discount_discount_id"), table_name="cart_discount")
    op.drop_table("cart_discount")
    op.drop_index("ix_return_request_queue", table_name="return_request")
    op.drop_index(op.f("ix_return_request_order_id"), table_name="return_request")
    op.drop_index(op.f("ix_return_request_exchange_order_id"), table_name="return_request")
    op.drop_index("ix_return_request_account_id", table_name="return_request")
    op.drop_table("return_request")
    op.drop_index(op.f("ix_fulfillment_order_id"), table_name="fulfillment")
    op.drop_index(op.f("ix_fulfillment_account_id"), table_name="fulfillment")
    op.drop_table("fulfillment")
    op.drop_index("ix_discount_use_customer", table_name="discount_use")
    op.drop_index(op.f("ix_discount_use_account_id"), table_name="discount_use")
    op.drop_table("discount_use")
    op.drop_index(op.f("ix_discount_product_product_id"), table_name="discount_product")
    op.drop_table("discount_product")
    op.drop_index(
        "ix_charge_unsettled", table_name="charge", postgresql_where=sa.text("status IN ('PENDING', 'ACTION')")
    )
    op.drop_index(op.f("ix_charge_order_id"), table_name="charge")
    op.drop_index(op.f("ix_charge_gateway_key"), table_name="charge")
    op.drop_table("charge")
    op.drop_index(op.f("ix_cart_placing_id"), table_name="cart")
    op.drop_index(op.f("ix_cart_expires_at"), table_name="cart")
    op.drop_index(op.f("ix_cart_account_id"), table_name="cart")
    op.drop_table("cart")
    op.drop_table("shipping_price")
    op.drop_index(op.f("ix_measurement_set_account_id"), table_name="measurement_set")
    op.drop_table("measurement_set")
    op.drop_index(op.f("ix_discount_category_category_id"), table_name="discount_category")
    op.drop_table("discount_category")
    op.drop_table("discount_amount")
    op.drop_table("shipping_method")
    op.drop_table("forgotten_card")
    op.drop_index("uq_gateway_event_key", table_name="gateway_event")
    op.drop_table("gateway_event")
    op.drop_table("discount")
