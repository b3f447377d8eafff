"""Mail adapters: files, and a real SMTP server process."""

import ssl
import stat
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
import trustme

from gateways.mail import (
    LocalMailbox,
    MailDelayed,
    Mailer,
    MailMessage,
    MailRefused,
    SmtpMailer,
    open_mailer,
    read_mailbox,
)
from tests.support.smtp_server import Sink, smtp_server

SENDER = "Läyette <shop@layette.example>"
JANE = "jane.doe@example.com"


def letter(to: str = JANE, subject: str = "Grüße, Jane") -> MailMessage:
    return MailMessage(to, subject, "Straße 1\n\nhttps://x.example/verify#token=" + "a" * 120 + "\n", "<p>Straße 1</p>")


@pytest.fixture
def sink(tmp_path: Path) -> Generator[Sink]:
    with smtp_server(tmp_path, "--utf8") as server:
        yield server


@pytest.fixture
def certificates(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    return authority


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


# ---- messages


@pytest.mark.parametrize(
    "address",
    [
        "jane@example.com\r\nBcc: all@example.com",
        "jane@example.com\n",
        "jane@example.com, john@example.com",
        "Jane <jane@example.com>",
        "jane@example.com> SIZE=1",
        "jane doe@example.com",
        "jane@@example.com",
        "jane\x00@example.com",
        '"jane"@example.com',
        "jane",
        "",
    ],
)
def test_what_is_not_one_plain_address_is_refused_unrepeated(address: str):
    with pytest.raises(ValueError, match="not an address") as refused:
        letter(address)
    assert not address or address not in str(refused.value)


@pytest.mark.parametrize(
    "subject", ["Hello\r\nBcc: all@example.com", "Hello\nthere", "a\u2028b", "\x1b[31m", "x" * 201]
)
def test_subject_that_is_not_one_line_is_refused(subject: str):
    with pytest.raises(ValueError, match="one line"):
        letter(subject=subject)


def test_message_shows_nothing_personal_where_it_is_printed():
    shown = repr(letter())
    assert JANE not in shown
    assert "Jane" not in shown
    assert "token" not in shown


# ---- the local mailbox


async def test_local_mailbox_keeps_messages_in_order(tmp_path: Path):
    mailbox = LocalMailbox(tmp_path, SENDER)
    before = datetime.now(UTC)
    for number in range(3):
        await mailbox.send(letter(subject=f"Number {number}"))
    found = read_mailbox(tmp_path)
    assert [(mail.number, mail.to, mail.subject) for mail in found] == [
        (1, JANE, "Number 0"),
        (2, JANE, "Number 1"),
        (3, JANE, "Number 2"),
    ]
    assert before <= found[0].sent_at <= found[1].sent_at <= datetime.now(UTC) + timedelta(seconds=1)
    assert found[0].text() == letter().text


async def test_local_mailbox_writes_what_a_person_can_read(tmp_path: Path):
    message = letter()
    await LocalMailbox(tmp_path, SENDER).send(message)
    content = read_mailbox(tmp_path)[0].path.read_text()
    assert "Subject: Grüße, Jane" in content
    assert "https://x.example/verify#token=" + "a" * 120 in content
    mail = message_from_bytes(content.encode(), policy=default)
    assert mail["From"] == SENDER
    assert mail["Message-ID"] == f"<{message.message_id}@layette.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"


async def test_local_mailbox_is_private_and_its_file_names_tell_nothing(tmp_path: Path):
    await LocalMailbox(tmp_path, SENDER).send(letter())
    [file] = (tmp_path / "mail").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "jane" not in file.name
    assert "example" not in file.name


async def test_half_written_message_is_not_in_the_mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def power_cut(self: Path, target: Path) -> Path:
        raise OSError("no more power")

    monkeypatch.setattr(Path, "rename", power_cut)
    with pytest.raises(OSError, match="no more power"):
        await LocalMailbox(tmp_path, SENDER).send(letter())
    assert read_mailbox(tmp_path) == []
    (tmp_path / "mail" / "notes.eml").write_text("somebody's own file")
    assert read_mailbox(tmp_path) == []


def test_mailbox_without_mail_is_empty(tmp_path: Path):
    assert read_mailbox(tmp_path / "nowhere") == []


def test_mail_goes_to_files_where_no_server_is_set(tmp_path: Path):
    assert isinstance(open_mailer(None, SENDER, tmp_path), LocalMailbox)
    assert isinstance(open_mailer("smtps://mail.example", SENDER, tmp_path), SmtpMailer)


# ---- SMTP


async def test_message_reaches_the_server_as_it_was_written(sink: Sink):
    message = letter()
    mailer: Mailer = SmtpMailer(f"smtp://127.0.0.1:{sink.port}", SENDER)
    await mailer.send(message)
    [received] = sink.received()
    assert (received.sender, received.recipients) == ("shop@layette.example", [JANE])
    assert received.mail["From"] == SENDER
    assert received.mail["To"] == JANE
    assert received.mail["Subject"] == "Grüße, Jane"
    assert received.mail["Message-ID"] == f"<{message.message_id}@layette.example>"
    text, html = received.mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text.get_content() == message.text.replace("\n", "\r\n")
    assert (html.get_content_type(), html.get_content().strip()) == ("text/html", message.html)
    assert max(map(len, received.content.splitlines())) <= 78
    assert received.content.isascii()


async def test_server_is_not_told_this_machines_name(sink: Sink):
    await SmtpMailer(f"smtp://127.0.0.1:{sink.port}", SENDER).send(letter())
    assert sink.received()[0].greeting == "layette.example"


async def test_address_in_another_script_is_sent_where_the_server_takes_it(sink: Sink, tmp_path: Path):
    await SmtpMailer(f"smtp://127.0.0.1:{sink.port}", SENDER).send(letter("jäne@example.com"))
    [received] = sink.received()
    assert received.recipients == ["jäne@example.com"]
    assert received.mail["To"] == "jäne@example.com"
    with smtp_server(tmp_path) as older, pytest.raises(MailRefused, match="no SMTPUTF8"):
        await SmtpMailer(f"smtp://127.0.0.1:{older.port}", SENDER).send(letter("jäne@example.com"))


@pytest.mark.parametrize(
    ("name", "expected", "reason"),
    [
        ("unknown", MailRefused, "550"),
        ("spam", MailRefused, "554"),
        ("busy", MailDelayed, "SMTPRecipientRefused 451"),
        ("full", MailDelayed, "SMTPDataError 452"),
        ("unauthenticated", MailDelayed, "SMTPRecipientRefused 530"),
        ("vanishing", MailDelayed, "SMTPServerDisconnected"),
        ("mute", MailDelayed, "SMTPReadTimeoutError"),
    ],
)
async def test_answer_about_recipient_or_content_is_final_only_when_it_says_so(
    sink: Sink, name: str, expected: type[Exception], reason: str
):
    mailer = SmtpMailer(f"smtp://127.0.0.1:{sink.port}", SENDER, timeout=0.5)
    with pytest.raises(expected) as failed:
        await mailer.send(letter(f"{name}@x.example"))
    assert str(failed.value) == reason
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert sink.received() == []


async def test_refused_sender_delays_the_mail(sink: Sink):
    with pytest.raises(MailDelayed, match="SMTPSenderRefused 553"):
        await SmtpMailer(f"smtp://127.0.0.1:{sink.port}", "blocked@layette.example").send(letter())


async def test_absent_server_delays_the_mail(tmp_path: Path):
    with smtp_server(tmp_path) as gone:
        pass
    with pytest.raises(MailDelayed, match="SMTPConnectError"):
        await SmtpMailer(f"smtp://127.0.0.1:{gone.port}", SENDER).send(letter())


async def test_failing_farewell_does_not_send_a_message_again(sink: Sink):
    await SmtpMailer(f"smtp://127.0.0.1:{sink.port}", SENDER).send(letter("rude@x.example"))
    assert len(sink.received()) == 1


@pytest.mark.parametrize(("scheme", "options"), [("smtp", ()), ("smtps", ("--direct",))])
async def test_password_and_mail_go_over_tls(
    tmp_path: Path, certificates: trustme.CA, scheme: str, options: tuple[str, ...]
):
    certificate = str(tmp_path / "server.pem")
    with smtp_server(tmp_path, "--certificate", certificate, "--user", "shop:p@ss/word", *options) as server:
        url = f"{scheme}://shop:p%40ss%2Fword@localhost:{server.port}"
        await SmtpMailer(url, SENDER, tls=lambda: trusting(certificates)).send(letter())
        [received] = server.received()
        assert (received.encrypted or scheme == "smtps", received.user) == (True, "shop")

        wrong = SmtpMailer(url.replace("word", "words"), SENDER, tls=lambda: trusting(certificates))
        with pytest.raises(MailDelayed, match="SMTPAuthenticationError 535"):
            await wrong.send(letter())
        with pytest.raises(MailDelayed, match=r"SMTPConnectError|SSL|Disconnected"):
            await SmtpMailer(url, SENDER).send(letter())
        assert len(server.received()) == 1


async def test_required_tls_that_is_not_offered_delays_the_mail(sink: Sink):
    with pytest.raises(MailDelayed):
        await SmtpMailer(f"smtp://127.0.0.1:{sink.port}?starttls=required", SENDER).send(letter())
    assert sink.received() == []


async def test_tls_may_be_renounced(sink: Sink):
    await SmtpMailer(f"smtp://127.0.0.1:{sink.port}?starttls=never", SENDER).send(letter())
    assert not sink.received()[0].encrypted


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example",
        "smtp://",
        "mail.example:25",
        "smtp://mail.example?starttls=perhaps",
        "smtp://user:secret@mail.example?starttls=never",
        "smtp://user:secret@mail.example?starttls=optional",
        "smtp://user:sec/ret@mail.example",
        "smtp://user:sec#ret@mail.example",
        "smtp://user:secret@mail.example:port",
    ],
)
def test_unusable_url_is_refused_unrepeated(url: str):
    with pytest.raises(ValueError, match=r"mail server|starttls") as refused:
        SmtpMailer(url, SENDER)
    assert "sec" not in str(refused.value)
