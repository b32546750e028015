"""Odd messages for DKIM: what signers and verifiers have disagreed about. Each has one From field, of the domain it is asked for."""

HEAD = (b"From: Shop <news@%s>\r\nTo: Ada <ada@sink.test>\r\nSubject: what is new\r\nDate: Fri, 11 Jul 2025 21:00:37 -0700\r\n"
        b"Message-ID: <1@shop.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n")


UNLAWFUL = "two-subjects"  # RFC 5322 3.6 has these fields once


def with_from(field):
    """The usual header with another From field."""
    return HEAD.replace(b"From: Shop <news@%s>\r\n", field)


def over_smtp(domain):
    """By name; all of them can be sent by SMTP."""
    d = domain.encode()

    def mail(body, head=HEAD):
        return head.replace(b"%s", d) + b"\r\n" + body

    messages = {
        "plain": mail(b"hello\r\n"),
        "empty-body": mail(b""),
        "header-only": HEAD.replace(b"%s", d),
        "only-blank-lines": mail(b"\r\n" * 7),
        "leading-blank-lines": mail(b"\r\n\r\nhello\r\n"),
        "trailing-blank-lines": mail(b"hello\r\n\r\n\r\n\r\n"),
        "trailing-spaces": mail(b"hello \r\nspaces   \r\ntab\t\r\nboth \t \r\n"),
        "only-spaces": mail(b"   \r\n"),
        "blank-lines-of-spaces": mail(b"a\r\n \t \r\nb\r\n \r\n\t\r\n"),
        "runs-of-blanks": mail(b"a  b\t\tc \t d\r\n\tindented\r\n    indented\r\n"),
        "dots": mail(b".\r\n..\r\n.a\r\na.\r\n...\r\n"),
        "long-lines": mail((b"x" * 998 + b"\r\n") * 5 + b"y " * 490 + b"\r\n"),
        "eight-bit": mail("Grüße, 日本語, 😀\r\n".encode() + bytes(range(128, 256)) + b"\r\n"),
        "controls": mail(bytes(c for c in range(1, 32) if c not in (10, 13)) + b"\x7f\r\n"),
        "duplicated": mail(b"hello\r\n", HEAD + b"X-A: 1\r\nX-A: 2\r\nList-Id: <a>\r\nList-Id:  <b>\r\nList-Id: <a>\r\nContent-Type: text/plain\r\n"),
        UNLAWFUL: mail(b"hello\r\n", HEAD + b"Subject: another\r\nTo: Bob <bob@sink.test>\r\n"),
        "folded-from": mail(b"hello\r\n", with_from(b"From: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\tfrom the\r\n shop\r\n <news@%s>\r\n")),
        "quoted-from": mail(b"hello\r\n", with_from(b"From: \"evil@evil.test, \\\"x\\\"\" (a (nested) comment <b@evil.test>) <news@%s>\r\n")),
        "bare-from": mail(b"hello\r\n", with_from(b"From: news@%s\r\n")),
        "upper-case-from": mail(b"hello\r\n", with_from(b"FROM:   Shop   <news@" + d.upper() + b">  \r\n")),
        "odd-header": mail(b"hello\r\n", HEAD + b"Sender:no-space@a.test\r\nIn-Reply-To:   \r\nreferences: <a@b>\r\n <c@d>\r\n  <e@f>\t \r\nList-Id:\r\n <a.b>\r\n"),
        "unsubscribe": mail(b"hello\r\n", HEAD + b"List-Unsubscribe: <https://shop.test/u?x=1>,\r\n <mailto:u@shop.test>\r\n"
                            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: a:b:c\r\n"),
        "signed-before": mail(b"hello\r\n", b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=old.test; s=x;\r\n h=from; bh=aGVsbG8=; b=aGVsbG8=\r\n" + HEAD),
        "many-fields": mail(b"hello\r\n", HEAD + b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(150))),
        "multipart": mail(b"--b\r\nContent-Type: text/plain\r\n\r\nhello \r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>hello</p>\r\n--b--\r\n\r\n",
                          HEAD.replace(b"text/plain; charset=utf-8", b"multipart/alternative;\r\n boundary=b")),
    }
    return messages


def from_the_broker(domain):
    """What SMTP cannot carry, but a publisher of delivery requests can write."""
    head = HEAD.replace(b"%s", domain.encode())
    return {
        "no-final-newline": head + b"\r\nhello",
        "no-final-newline-in-header": head[:-2],
        "line-feeds": (head + b"\r\nhello\r\n\r\nworld\r\n").replace(b"\r\n", b"\n"),
        "carriage-returns": head + b"\r\na\rb\r\n\r\r\nc\r",
        "mixed-line-ends": head.replace(b"\r\nSubject", b"\nSubject") + b"\nhello\n\r\nworld\r\n\n",
        "stray-in-header": head.replace(b"what is", b"what\ris") + b"\r\nhello\r\n",
    }


def large(domain, size):
    line = b"This is a line of a large mail, with  two spaces and one at its end. \r\n"
    return HEAD.replace(b"%s", domain.encode()) + b"\r\n" + line * (size // len(line)) + b"\r\n\r\n"
