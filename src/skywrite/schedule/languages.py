"""The words of dates in many languages. Pure tables.

What lives here: days of the week, months, relative days, parts of the day, small words and numbers. A word has one
meaning, whatever the language. If it has two ("mar" is March and Tuesday), it keeps the one that needs another word
next to it, or is left out. What does not: lengths of time (`span_forms`), times of day (`clock_forms`).
"""

from __future__ import annotations

import unicodedata
from functools import cache

from skywrite.schedule.tokens import (
    CalendarDate,
    Clock,
    Filler,
    Next,
    NextWeek,
    Now,
    PartName,
    PartOfDay,
    RelativeDay,
    Value,
    Weekday,
)

# Each line has seven days or twelve months; spaces separate the forms of one.
_WEEKDAYS = (
    "monday mon, tuesday tues tue, wednesday weds wed, thursday thurs thur thu, friday fri, saturday sat, sunday sun",
    "montag mo, dienstag di, mittwoch mi, donnerstag do, freitag fr, samstag sonnabend sa, sonntag so",
    "lundi lun, mardi, mercredi mer, jeudi jeu, vendredi ven, samedi sam, dimanche dim",
    "lunes lun, martes, miércoles mié, jueves jue, viernes vie, sábado sáb, domingo dom",
    "lunedì lun, martedì, mercoledì mer, giovedì gio, venerdì ven, sabato sab, domenica dom",
    "segunda-feira segunda seg, terça-feira terça, quarta-feira quarta qua, quinta-feira quinta qui,"
    "sexta-feira sexta sex, sábado sáb, domingo dom",
    "maandag ma, dinsdag di, woensdag wo, donderdag do, vrijdag vr, zaterdag za, zondag zo",
    "måndag mån, tisdag tis, onsdag ons, torsdag tors, fredag fre, lördag lör, söndag sön",
    "mandag man, tirsdag tirs, onsdag ons, torsdag tors, fredag fre, lørdag lør, søndag søn",
    "maanantai maanantaina, tiistai tiistaina, keskiviikko keskiviikkona, torstai torstaina, perjantai perjantaina,"
    "lauantai lauantaina, sunnuntai sunnuntaina",
    "poniedziałek, wtorek, środa środę, czwartek, piątek, sobota sobotę, niedziela niedzielę",
    "pondělí, úterý, středa středu, čtvrtek, pátek, sobota sobotu, neděle neděli",
    "pazartesi, salı, çarşamba, perşembe, cuma, cumartesi, pazar",
    "понедельник пн, вторник вт, среда среду ср, четверг чт, пятница пятницу пт, суббота субботу сб, воскресенье вс",
    "понеділок, вівторок, середа середу, четвер, п'ятниця п'ятницю, субота суботу, неділя неділю",
    "月曜日 月曜, 火曜日 火曜, 水曜日 水曜, 木曜日 木曜, 金曜日 金曜, 土曜日 土曜, 日曜日 日曜",
    "星期一 周一, 星期二 周二, 星期三 周三, 星期四 周四, 星期五 周五, 星期六 周六, 星期日 星期天 周日",
    "월요일, 화요일, 수요일, 목요일, 금요일, 토요일, 일요일",
)
_MONTHS = (
    "january jan, february feb, march mar, april apr, may, june jun, july jul, august aug, september sept sep,"
    "october oct, november nov, december dec",
    "januar jänner, februar, märz mär mrz, april, mai, juni, juli, august, september, oktober okt, november,"
    "dezember dez",
    "janvier janv, février févr fév, mars, avril avr, mai, juin, juillet juil, août, septembre, octobre, novembre,"
    "décembre déc",
    "enero ene, febrero, marzo, abril abr, mayo, junio, julio, agosto ago, septiembre setiembre, octubre, noviembre,"
    "diciembre dic",
    "gennaio gen, febbraio febb, marzo, aprile, maggio mag, giugno giu, luglio lug, agosto ago, settembre sett set,"
    "ottobre ott, novembre, dicembre dic",
    "janeiro, fevereiro fev, março, abril, maio, junho, julho, agosto, setembro set, outubro out, novembro,"
    "dezembro dez",
    "januari, februari, maart mrt, april, mei, juni, juli, augustus, september, oktober, november, december",
    "januari, februari, mars, april, maj, juni, juli, augusti, september, oktober, november, december",
    "januar, februar, marts, april, maj, juni, juli, august, september, oktober, november, desember des",
    "tammikuuta, helmikuuta, maaliskuuta, huhtikuuta, toukokuuta, kesäkuuta, heinäkuuta, elokuuta, syyskuuta,"
    "lokakuuta, marraskuuta, joulukuuta",
    "stycznia, lutego, marca, kwietnia, maja, czerwca, lipca, sierpnia, września, października, listopada, grudnia",
    "ledna, února, března, dubna, května, června, července, srpna, září, října, listopadu, prosince",
    "ocak, şubat, mart, nisan, mayıs, haziran, temmuz, ağustos, eylül, ekim, kasım, aralık",
    "января янв, февраля фев, марта мар, апреля апр, мая, июня, июля, августа авг, сентября сен, октября окт,"
    "ноября ноя, декабря дек",
    "січня, лютого, березня, квітня, травня, червня, липня, серпня, вересня, жовтня, листопада, грудня",
)
_RELATIVE_DAYS = {
    -1: "yesterday, gestern, hier, ayer, ieri, ontem, gisteren, igår, i går, wczoraj, včera, dün, вчера, вчора, 昨日",
    0: "today, heute, aujourd'hui, hoy, oggi, hoje, vandaag, idag, i dag, tänään, dzisiaj, dziś, dnes, bugün, сегодня,"
    "сьогодні, 今日, 本日, 今天, 오늘",
    1: "tomorrow, tmrw, morgen, demain, mañana, domani, amanhã, imorgon, i morgon, i morgen, huomenna, jutro, zítra,"
    "yarın, завтра, 明日, 明天, 내일",
    2: "day after tomorrow, übermorgen, après-demain, pasado mañana, dopodomani, depois de amanhã, overmorgen,"
    "i övermorgon, i overmorgen, ylihuomenna, pojutrze, pozítří, послезавтра, післязавтра, 明後日, あさって, 后天,"
    "모레",
}
_TONIGHT = "tonight, ce soir, esta noche, stasera, vanavond, 今夜, 今晩, 今晚"
_PARTS: dict[PartName, str] = {
    "morning": "morning, in the morning, morgens, vormittag, vormittags, früh, matin, du matin, de la mañana,"
    "por la mañana, di mattina, del mattino, mattina, da manhã, de manhã, 's ochtends, ochtend, rano, утра, 午前, 朝,"
    "上午, 오전",
    "afternoon": "afternoon, in the afternoon, nachmittag, nachmittags, après-midi, de l'après-midi, de la tarde,"
    "por la tarde, pomeriggio, del pomeriggio, di pomeriggio, da tarde, à tarde, de tarde, 's middags, дня, 午後, 下午,"
    "오후",
    "evening": "evening, in the evening, abend, abends, soir, du soir, de la noche, por la noche, sera, di sera,"
    "della sera, da noite, à noite, de noite, 's avonds, avond, wieczorem, вечера, 夜, 晚上",
    "night": "night, at night",
}
_NOW = "now, right now, immediately, jetzt, sofort, maintenant, ahora, adesso, agora, nu, teraz, сейчас, 今すぐ"
_NOON = "noon, midday, mittag, mittags, midi, mediodía, mezzogiorno, meio-dia, полдень, 正午"
_MIDNIGHT = "midnight, mitternacht, minuit, medianoche, mezzanotte, meia-noite, middernacht, полночь"
_NEXT = (
    "next, nächsten, nächster, nächste, nächstes, prochain, prochaine, próximo, próxima, prossimo, prossima, volgende"
)
_NEXT_WEEK = (
    "next week, nächste woche, nächster woche, la semaine prochaine, semaine prochaine, la próxima semana,"
    "la settimana prossima, volgende week, 来週"
)
_AT = (
    "at, @, um, à, à l', a, a las, a la, al, alle, alle ore, ore, às, as, ao, om, kl, klockan, klo, kello, o, o godz,"
    "godz, v, ve, saat, в, о, об"
)
_ON = (
    "on, the, this, on this, am, den, der, an, diesen, kommenden, am kommenden, coming, le, ce, el, este, il, questo,"
    "na, em, op, deze, på, w, we, v, ve, в, во, у, the coming, this coming, on the"
)
_NUMBERS = {
    1: "a an one ein eine einen einem einer eins un une una uno um uma een en ett et jeden jedną один одну один",
    2: "two zwei deux dos due dois duas twee två два две дві",
    3: "three drei trois tres tre três drie три",
    4: "four vier quatre cuatro quattro quatro fyra fire четыре чотири",
    5: "five fünf cinq cinco cinque vijf fem пять",
    6: "six sechs seis sei zes sex seks шесть",
    7: "seven sieben sept siete sette sete zeven sju syv",
    8: "eight acht huit ocho otto oito åtta otte",
    9: "nine neun neuf nueve nove negen nio ni",
    10: "ten zehn dix diez dieci dez tien tio ti",
    11: "eleven elf onze once undici",
    12: "twelve zwölf douze doce dodici doze twaalf",
    15: "fifteen fünfzehn quinze quince quindici vijftien",
    20: "twenty zwanzig vingt veinte venti vinte twintig",
    30: "thirty dreißig trente treinta trenta trinta dertig",
    40: "forty vierzig quarante cuarenta quaranta quarenta veertig",
    45: "forty-five fünfundvierzig quarante-cinq",
    60: "sixty sechzig soixante sesenta sessanta sessenta zestig",
    90: "ninety neunzig",
}
# What may come between a day and its month, or a month and its year.
OF = frozenset(("of", "de", "del", "di"))
WORDS_MAX = 4


def fold(text: str) -> str:
    """Lower case without accents, with one kind of dash, quote and digit, and single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not "\u0300" <= mark <= "\u036f")
    same = unicodedata.normalize("NFKC", bare).casefold().translate(_SAME)
    return " ".join(same.split())


_SAME = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2212": "-", "\u2019": "'"})


@cache
def months() -> dict[str, int]:
    """The number of each month's names, folded."""
    return {
        fold(name): number
        for line in _MONTHS
        for number, names in enumerate(line.split(","), 1)
        for name in names.split()
    }


@cache
def weekdays() -> dict[str, int]:
    """The number of each weekday's names, folded; 0 is Monday."""
    return {
        fold(name): number
        for line in _WEEKDAYS
        for number, names in enumerate(line.split(","))
        for name in names.split()
    }


@cache
def numbers() -> dict[str, int]:
    """The value of each number word, folded."""
    return {fold(word): value for value, words in _NUMBERS.items() for word in words.split()}


@cache
def phrases() -> dict[str, tuple[Value, ...]]:
    """What each word or phrase of a date means, folded."""
    at = frozenset((Clock, PartOfDay))
    on = frozenset((Weekday, CalendarDate, RelativeDay, PartOfDay, Next))
    table: dict[str, tuple[Value, ...]] = {}
    table[fold("の")] = (Filler(at | on),)
    both = set(_split(_AT)) & set(_split(_ON))
    for texts, values in (
        (_split(_AT), (Filler(at),)),
        (_split(_ON), (Filler(on),)),
        (both, (Filler(at | on),)),
        (_split(_NOW), (Now(),)),
        (_split(_NOON), (Clock(12),)),
        (_split(_MIDNIGHT), (Clock(0, form="midnight"),)),
        (_split(_NEXT), (Next(),)),
        (_split(_NEXT_WEEK), (NextWeek(),)),
        (_split(_TONIGHT), (RelativeDay(0, "evening"),)),
    ):
        table.update(dict.fromkeys(texts, values))
    for name, words in _PARTS.items():
        table.update(dict.fromkeys(_split(words), (PartOfDay(name),)))
    for days, words in _RELATIVE_DAYS.items():
        table.update(dict.fromkeys(_split(words), (RelativeDay(days),)))
    table.update({name: (Weekday(number),) for name, number in weekdays().items()})
    return table


def _split(words: str) -> list[str]:
    return [fold(word) for word in words.split(",")]
