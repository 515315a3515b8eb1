"""The mails about what happened: two sentences and the service's own address, the same for everybody.

They name nobody and hold no link that does something: whoever reads them learns that there is an account here, which
the mailbox knew already.
"""

from consent.acts.house import House, Letter
from consent.acts.tell import Mail, claim, mailbox_of, settle
from consent.web.render import render
from consent.words.purposes import LANGUAGES


async def mail_notices(house: House, product: str | None = None) -> None:
    """Send what is due. One that the mail server does not take is tried again later."""
    if house.mailer is None:
        return
    for mail in (await house.scribe.do(claim(house.clock()))).outcome:
        address = await mailbox_of(house, mail.citizen)
        if address is None:
            await house.scribe.do(settle(mail, sent=False))
        elif await house.mailer.deliver(letter_of(house, mail, address, product)):
            await house.scribe.do(settle(mail, sent=True))


def letter_of(house: House, mail: Mail, address: str, product: str | None) -> Letter:
    """In both languages: at this hour nobody is there to ask which is hers."""
    texts = [
        render("letter_notice.txt", one, security=mail.security, link=house.issuer, product=product)
        for one in LANGUAGES
    ]
    subjects, bodies = zip(*[text.strip().split("\n", 1) for text in texts], strict=True)
    return Letter(
        to=address, subject=" / ".join(subjects), text="\n\n".join(one.strip() for one in bodies) + "\n"
    )
