"""Chance for a sheet of paper: as words, short plain ones, 256 in each language, so a word carries 8 bits; and as
digits with a letter that finds slips. Nothing here reads or writes anything."""

import re

from consent.words.purposes import Language

_NL = """
aap aarde adem akker anker appel arend arm auto avond baai baan baard bal bank barst beek beer bel berg
beurs bezem bij bijl blad blauw blik bloem boek boer boom boot bord bos boter braam brand brief bril broer
brood brug buik buur cacao clown daad dag dak dal dans das deeg deken deur dief dier dijk doek doos dorp
dorst draad draak droom druif duif duim duin eend eik emmer engel erwt ezel feest fiets fles fluit fruit
gans garen gast geel geit geld glas goud graan gras grens groen grond haai haak haan haar hagel hak hals
hamer hand hart haven hemel hert hoed hof hond hoorn hout huis hut ijs jaar jas jeugd juni kaars kaas kade
kam kamer kano kast kat kerk kers ketel kin kip klas kleur klok knie knoop koe koek kok kool koor koper korf
kraan krant kruik kruis kus kwast laars lam lamp land lat leeuw lente lepel lijm lijst linde lip loods lucht
lus maan maand markt mast meer melk merel mes mier mist molen mond mos motor muis munt muts muur naald nacht
nagel nest net neus noot oever olie oog oor oven paard paars pad pan parel park pauw peer pen pijl pink poes
pop post punt raaf raam rand reis riem ring rok roos rots rug saus slak sok stad stem ster stof stro tak
tand tas tent touw trap trom tuin tulp uil veer vis vlag voet vos vuur wand weg wiel wind wol wolk zand zee
zeil zon zout zuil zus
"""

_EN = """
acorn actor almond anchor angle ankle apple apron arch arrow artist autumn badge baker ball bamboo banana
barn basket beach beard beaver bell bench berry bird boat bone book boot bottle bowl branch bread brick
bridge broom brush bucket butter button cabin cable cactus cake camel candle canoe canvas carpet carrot
castle cat cellar chain chair cheese cherry chest circle city clay clock cloud clover coach coast coat
coffee coin collar copper coral corn cotton couch cow crab cradle crane crayon cream crown cup daisy dance
deer desk dinner dog donkey door dragon drawer dress drum duck dust eagle earth echo egg elbow engine farm
fence field finger fire fish flag flame flute foam forest fork fox fridge frog fruit garden garlic gate
ghost giant glass globe glove goat gold goose grape grass guitar hammer hand hat hawk heart hedge helmet
hill honey horn horse hotel house island ivory jacket jelly jewel juice kettle key king kite knee knife knot
ladder lake lamb lamp leaf lemon letter lion lizard maple marble market meadow melon metal milk mirror
monkey moon moss mother motor mouse mouth museum music nail napkin needle nest net night nose oak ocean
olive onion otter oven owl paint paper pasta path peach pear pearl piano pilot plate plum pond poppy queen
rain rice ring river road robin roof rope rose sail salt sand scarf sheep shell ship shoe sky snail snow
soap spoon star stone sugar sun swan table tent tiger tower train tree tulip wagon water whale wheel wolf
wool yard zebra
"""

WORDS: dict[Language, tuple[str, ...]] = {"nl": tuple(_NL.split()), "en": tuple(_EN.split())}


def words_from(chance: bytes, language: Language) -> tuple[str, ...]:
    """A word for each octet."""
    return tuple(WORDS[language][octet] for octet in chance)


def as_written(text: str) -> str:
    """What somebody typed from the paper, with one space between words: capitals, commas, numbers do not matter."""
    return " ".join(re.findall(r"[a-z]+", text.lower()))


# Seventeen letters, of which no two look or sound alike in Dutch or in English by their vowel: no A, E, G, I, J, O …
_CHECK = "BCDFHKLMNPRSTUWXZ"
_CODE = re.compile(r"([0-9]{16})([A-Z])")


def digits_from(chance: bytes) -> str:
    """Sixteen digits (53 bits) in fours, and the letter that belongs to them; from 16 bytes or more.

    Digits, because everybody can say them in every language. The letter is the number modulo 17: a wrong digit, or any
    two that changed places, gives another letter, since the powers of 10 up to the 15th all differ modulo 17.
    """
    number = int.from_bytes(chance, "big") % 10**16
    digits = f"{number:016d}"
    return " ".join([*(digits[at : at + 4] for at in range(0, 16, 4)), _CHECK[number % 17]])


def digits_as_written(text: str) -> str | None:
    """The code that somebody typed, however it is spaced, as `digits_from` writes it; None when the letter is wrong."""
    found = _CODE.fullmatch(re.sub(r"[\s.–-]", "", text[:100]).upper())
    if found is None or _CHECK[int(found[1]) % 17] != found[2]:
        return None
    return digits_from(int(found[1]).to_bytes(16, "big"))
