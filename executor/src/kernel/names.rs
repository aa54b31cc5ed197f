//! How months and days are called in different places (`lc_time_names`), as MySQL's server tells for each of its locales.

/// The places that have names of their own, in the order of their numbers: `SET lc_time_names = 4` is `'de_DE'`.
const PLACES: &[&str] = &[
    "en_US", "en_GB", "ja_JP", "sv_SE", "de_DE", "fr_FR", "ar_AE", "ar_BH", "ar_JO", "ar_SA", "ar_SY",
    "be_BY", "bg_BG", "ca_ES", "cs_CZ", "da_DK", "de_AT", "es_ES", "et_EE", "eu_ES", "fi_FI", "fo_FO",
    "gl_ES", "gu_IN", "he_IL", "hi_IN", "hr_HR", "hu_HU", "id_ID", "is_IS", "it_CH", "ko_KR", "lt_LT",
    "lv_LV", "mk_MK", "mn_MN", "ms_MY", "nb_NO", "nl_NL", "pl_PL", "pt_BR", "pt_PT", "ro_RO", "ru_RU",
    "ru_UA", "sk_SK", "sl_SI", "sq_AL", "sr_RS", "ta_IN", "te_IN", "th_TH", "tr_TR", "uk_UA", "ur_PK",
    "vi_VN", "zh_CN", "zh_TW", "ar_DZ", "ar_EG", "ar_IN", "ar_IQ", "ar_KW", "ar_LB", "ar_LY", "ar_MA",
    "ar_OM", "ar_QA", "ar_SD", "ar_TN", "ar_YE", "de_BE", "de_CH", "de_LU", "en_AU", "en_CA", "en_IN",
    "en_NZ", "en_PH", "en_ZA", "en_ZW", "es_AR", "es_BO", "es_CL", "es_CO", "es_CR", "es_DO", "es_EC",
    "es_GT", "es_HN", "es_MX", "es_NI", "es_PA", "es_PE", "es_PR", "es_PY", "es_SV", "es_US", "es_UY",
    "es_VE", "fr_BE", "fr_CA", "fr_CH", "fr_LU", "it_IT", "nl_BE", "no_NO", "sv_FI", "zh_HK", "el_GR",
    "rm_CH",
];

/// The names of a place: those of months from January and of days from Monday, each in full and short, with `|` between.
struct Words {
    places: &'static [&'static str],
    months: &'static str,
    months_short: &'static str,
    days: &'static str,
    days_short: &'static str,
}

const WORDS: &[Words] = &[
    Words {
        places: &["en_US", "en_GB", "en_AU", "en_CA", "en_IN", "en_NZ", "en_PH", "en_ZA", "en_ZW"],
        months: "January|February|March|April|May|June|July|August|September|October|November|December",
        months_short: "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
        days: "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
        days_short: "Mon|Tue|Wed|Thu|Fri|Sat|Sun",
    },
    Words {
        places: &["ja_JP"],
        months: "1月|2月|3月|4月|5月|6月|7月|8月|9月|10月|11月|12月",
        months_short: " 1月| 2月| 3月| 4月| 5月| 6月| 7月| 8月| 9月|10月|11月|12月",
        days: "月曜日|火曜日|水曜日|木曜日|金曜日|土曜日|日曜日",
        days_short: "月|火|水|木|金|土|日",
    },
    Words {
        places: &["sv_SE", "sv_FI"],
        months: "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december",
        months_short: "jan|feb|mar|apr|maj|jun|jul|aug|sep|okt|nov|dec",
        days: "måndag|tisdag|onsdag|torsdag|fredag|lördag|söndag",
        days_short: "mån|tis|ons|tor|fre|lör|sön",
    },
    Words {
        places: &["de_DE", "de_BE", "de_CH", "de_LU"],
        months: "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
        months_short: "Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez",
        days: "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag",
        days_short: "Mo|Di|Mi|Do|Fr|Sa|So",
    },
    Words {
        places: &["fr_FR", "fr_BE", "fr_CA", "fr_CH", "fr_LU"],
        months: "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
        months_short: "jan|fév|mar|avr|mai|jun|jui|aoû|sep|oct|nov|déc",
        days: "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
        days_short: "lun|mar|mer|jeu|ven|sam|dim",
    },
    Words {
        places: &["ar_AE"],
        months: "يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر",
        months_short: "ينا|فبر|مار|أبر|ماي|يون|يول|أغس|سبت|أكت|نوف|ديس",
        days: "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت |الأحد",
        days_short: "ن|ث|ر|خ|ج|س|ح",
    },
    Words {
        places: &[
            "ar_BH", "ar_DZ", "ar_EG", "ar_IN", "ar_IQ", "ar_KW", "ar_LY", "ar_MA", "ar_OM", "ar_QA",
            "ar_SD", "ar_TN", "ar_YE",
        ],
        months: "يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر",
        months_short: "ينا|فبر|مار|أبر|ماي|يون|يول|أغس|سبت|أكت|نوف|ديس",
        days: "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد",
        days_short: "ن|ث|ر|خ|ج|س|ح",
    },
    Words {
        places: &["ar_JO", "ar_LB"],
        months: "كانون الثاني|شباط|آذار|نيسان|نوار|حزيران|تموز|آب|أيلول|تشرين الأول|تشرين الثاني|كانون الأول",
        months_short: "كانون الثاني|شباط|آذار|نيسان|نوار|حزيران|تموز|آب|أيلول|تشرين الأول|تشرين الثاني|كانون الأول",
        days: "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد",
        days_short: "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد",
    },
    Words {
        places: &["ar_SA"],
        months: "كانون الثاني|شباط|آذار|نيسـان|أيار|حزيران|تـمـوز|آب|أيلول|تشرين الأول|تشرين الثاني|كانون الأول",
        months_short: "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
        days: "الإثنين|الثلاثاء|الأربعاء|الخميس|الجمعـة|السبت|الأحد",
        days_short: "Mon|Tue|Wed|Thu|Fri|Sat|Sun",
    },
    Words {
        places: &["ar_SY"],
        months: "كانون الثاني|شباط|آذار|نيسان|نواران|حزير|تموز|آب|أيلول|تشرين الأول|تشرين الثاني|كانون الأول",
        months_short: "كانون الثاني|شباط|آذار|نيسان|نوار|حزيران|تموز|آب|أيلول|تشرين الأول|تشرين الثاني|كانون الأول",
        days: "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد",
        days_short: "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد",
    },
    Words {
        places: &["be_BY"],
        months: "Студзень|Люты|Сакавік|Красавік|Травень|Чэрвень|Ліпень|Жнівень|Верасень|Кастрычнік|Лістапад|Снежань",
        months_short: "Стд|Лют|Сак|Крс|Тра|Чэр|Ліп|Жнв|Врс|Кст|Ліс|Снж",
        days: "Панядзелак|Аўторак|Серада|Чацвер|Пятніца|Субота|Нядзеля",
        days_short: "Пан|Аўт|Срд|Чцв|Пят|Суб|Няд",
    },
    Words {
        places: &["bg_BG"],
        months: "януари|февруари|март|април|май|юни|юли|август|септември|октомври|ноември|декември",
        months_short: "яну|фев|мар|апр|май|юни|юли|авг|сеп|окт|ное|дек",
        days: "понеделник|вторник|сряда|четвъртък|петък|събота|неделя",
        days_short: "пн|вт|ср|чт|пт|сб|нд",
    },
    Words {
        places: &["ca_ES"],
        months: "gener|febrer|març|abril|maig|juny|juliol|agost|setembre|octubre|novembre|desembre",
        months_short: "gen|feb|mar|abr|mai|jun|jul|ago|set|oct|nov|des",
        days: "dilluns|dimarts|dimecres|dijous|divendres|dissabte|diumenge",
        days_short: "dl|dt|dc|dj|dv|ds|dg",
    },
    Words {
        places: &["cs_CZ"],
        months: "leden|únor|březen|duben|květen|červen|červenec|srpen|září|říjen|listopad|prosinec",
        months_short: "led|úno|bře|dub|kvě|čen|čec|srp|zář|říj|lis|pro",
        days: "Pondělí|Úterý|Středa|Čtvrtek|Pátek|Sobota|Neděle",
        days_short: "Po|Út|St|Čt|Pá|So|Ne",
    },
    Words {
        places: &["da_DK"],
        months: "januar|februar|marts|april|maj|juni|juli|august|september|oktober|november|december",
        months_short: "jan|feb|mar|apr|maj|jun|jul|aug|sep|okt|nov|dec",
        days: "mandag|tirsdag|onsdag|torsdag|fredag|lørdag|søndag",
        days_short: "man|tir|ons|tor|fre|lør|søn",
    },
    Words {
        places: &["de_AT"],
        months: "Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
        months_short: "Jän|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez",
        days: "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag",
        days_short: "Mon|Die|Mit|Don|Fre|Sam|Son",
    },
    Words {
        places: &[
            "es_ES", "es_AR", "es_BO", "es_CL", "es_CO", "es_CR", "es_DO", "es_EC", "es_GT", "es_HN",
            "es_MX", "es_NI", "es_PA", "es_PE", "es_PR", "es_PY", "es_SV", "es_US", "es_UY", "es_VE",
        ],
        months: "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre",
        months_short: "ene|feb|mar|abr|may|jun|jul|ago|sep|oct|nov|dic",
        days: "lunes|martes|miércoles|jueves|viernes|sábado|domingo",
        days_short: "lun|mar|mié|jue|vie|sáb|dom",
    },
    Words {
        places: &["et_EE"],
        months: "jaanuar|veebruar|märts|aprill|mai|juuni|juuli|august|september|oktoober|november|detsember",
        months_short: "jaan |veebr|märts|apr  |mai  |juuni|juuli|aug  |sept |okt  |nov  |dets ",
        days: "esmaspäev|teisipäev|kolmapäev|neljapäev|reede|laupäev|pühapäev",
        days_short: "E|T|K|N|R|L|P",
    },
    Words {
        places: &["eu_ES"],
        months: "urtarrila|otsaila|martxoa|apirila|maiatza|ekaina|uztaila|abuztua|iraila|urria|azaroa|abendua",
        months_short: "urt|ots|mar|api|mai|eka|uzt|abu|ira|urr|aza|abe",
        days: "astelehena|asteartea|asteazkena|osteguna|ostirala|larunbata|igandea",
        days_short: "al.|ar.|az.|og.|or.|lr.|ig.",
    },
    Words {
        places: &["fi_FI"],
        months: "tammikuu|helmikuu|maaliskuu|huhtikuu|toukokuu|kesäkuu|heinäkuu|elokuu|syyskuu|lokakuu|marraskuu|joulukuu",
        months_short: "tammi |helmi |maalis|huhti |touko |kesä  |heinä |elo   |syys  |loka  |marras|joulu ",
        days: "maanantai|tiistai|keskiviikko|torstai|perjantai|lauantai|sunnuntai",
        days_short: "ma|ti|ke|to|pe|la|su",
    },
    Words {
        places: &["fo_FO"],
        months: "januar|februar|mars|apríl|mai|juni|juli|august|september|oktober|november|desember",
        months_short: "jan|feb|mar|apr|mai|jun|jul|aug|sep|okt|nov|des",
        days: "mánadagur|týsdagur|mikudagur|hósdagur|fríggjadagur|leygardagur|sunnudagur",
        days_short: "mán|týs|mik|hós|frí|ley|sun",
    },
    Words {
        places: &["gl_ES"],
        months: "Xaneiro|Febreiro|Marzo|Abril|Maio|Xuño|Xullo|Agosto|Setembro|Outubro|Novembro|Decembro",
        months_short: "Xan|Feb|Mar|Abr|Mai|Xuñ|Xul|Ago|Set|Out|Nov|Dec",
        days: "Luns|Martes|Mércores|Xoves|Venres|Sábado|Domingo",
        days_short: "Lun|Mar|Mér|Xov|Ven|Sáb|Dom",
    },
    Words {
        places: &["gu_IN"],
        months: "જાન્યુઆરી|ફેબ્રુઆરી|માર્ચ|એપ્રિલ|મે|જુન|જુલાઇ|ઓગસ્ટ|સેપ્ટેમ્બર|ઓક્ટોબર|નવેમ્બર|ડિસેમ્બર",
        months_short: "જાન|ફેબ|માર|એપ્ર|મે|જુન|જુલ|ઓગ|સેપ્ટ|ઓક્ટ|નોવ|ડિસ",
        days: "સોમવાર|મન્ગળવાર|બુધવાર|ગુરુવાર|શુક્રવાર|શનિવાર|રવિવાર",
        days_short: "સોમ|મન્ગળ|બુધ|ગુરુ|શુક્ર|શનિ|રવિ",
    },
    Words {
        places: &["he_IL"],
        months: "ינואר|פברואר|מרץ|אפריל|מאי|יוני|יולי|אוגוסט|ספטמבר|אוקטובר|נובמבר|דצמבר",
        months_short: "ינו|פבר|מרץ|אפר|מאי|יונ|יול|אוג|ספט|אוק|נוב|דצמ",
        days: "שני|שלישי|רביעי|חמישי|שישי|שבת|ראשון",
        days_short: "ב'|ג'|ד'|ה'|ו'|ש'|א'",
    },
    Words {
        places: &["hi_IN"],
        months: "जनवरी|फ़रवरी|मार्च|अप्रेल|मई|जून|जुलाई|अगस्त|सितम्बर|अक्टूबर|नवम्बर|दिसम्बर",
        months_short: "जनवरी|फ़रवरी|मार्च|अप्रेल|मई|जून|जुलाई|अगस्त|सितम्बर|अक्टूबर|नवम्बर|दिसम्बर",
        days: "सोमवार |मंगलवार |बुधवार |गुरुवार |शुक्रवार |शनिवार |रविवार ",
        days_short: "सोम |मंगल |बुध |गुरु |शुक्र |शनि |रवि ",
    },
    Words {
        places: &["hr_HR"],
        months: "Siječanj|Veljača|Ožujak|Travanj|Svibanj|Lipanj|Srpanj|Kolovoz|Rujan|Listopad|Studeni|Prosinac",
        months_short: "Sij|Vel|Ožu|Tra|Svi|Lip|Srp|Kol|Ruj|Lis|Stu|Pro",
        days: "Ponedjeljak|Utorak|Srijeda|Četvrtak|Petak|Subota|Nedjelja",
        days_short: "Pon|Uto|Sri|Čet|Pet|Sub|Ned",
    },
    Words {
        places: &["hu_HU"],
        months: "január|február|március|április|május|június|július|augusztus|szeptember|október|november|december",
        months_short: "jan|feb|már|ápr|máj|jún|júl|aug|sze|okt|nov|dec",
        days: "hétfő|kedd|szerda|csütörtök|péntek|szombat|vasárnap",
        days_short: "h|k|sze|cs|p|szo|v",
    },
    Words {
        places: &["id_ID"],
        months: "Januari|Februari|Maret|April|Mei|Juni|Juli|Agustus|September|Oktober|November|Desember",
        months_short: "Jan|Feb|Mar|Apr|Mei|Jun|Jul|Agu|Sep|Okt|Nov|Des",
        days: "Senin|Selasa|Rabu|Kamis|Jumat|Sabtu|Minggu",
        days_short: "Sen|Sel|Rab|Kam|Jum|Sab|Min",
    },
    Words {
        places: &["is_IS"],
        months: "janúar|febrúar|mars|apríl|maí|júní|júlí|ágúst|september|október|nóvember|desember",
        months_short: "jan|feb|mar|apr|maí|jún|júl|ágú|sep|okt|nóv|des",
        days: "mánudagur|þriðjudagur|miðvikudagur|fimmtudagur|föstudagur|laugardagur|sunnudagur",
        days_short: "mán|þri|mið|fim|fös|lau|sun",
    },
    Words {
        places: &["it_CH", "it_IT"],
        months: "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre",
        months_short: "gen|feb|mar|apr|mag|giu|lug|ago|set|ott|nov|dic",
        days: "lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica",
        days_short: "lun|mar|mer|gio|ven|sab|dom",
    },
    Words {
        places: &["ko_KR"],
        months: "일월|이월|삼월|사월|오월|유월|칠월|팔월|구월|시월|십일월|십이월",
        months_short: " 1월| 2월| 3월| 4월| 5월| 6월| 7월| 8월| 9월|10월|11월|12월",
        days: "월요일|화요일|수요일|목요일|금요일|토요일|일요일",
        days_short: "월|화|수|목|금|토|일",
    },
    Words {
        places: &["lt_LT"],
        months: "sausio|vasario|kovo|balandžio|gegužės|birželio|liepos|rugpjūčio|rugsėjo|spalio|lapkričio|gruodžio",
        months_short: "Sau|Vas|Kov|Bal|Geg|Bir|Lie|Rgp|Rgs|Spa|Lap|Grd",
        days: "Pirmadienis|Antradienis|Trečiadienis|Ketvirtadienis|Penktadienis|Šeštadienis|Sekmadienis",
        days_short: "Pr|An|Tr|Kt|Pn|Št|Sk",
    },
    Words {
        places: &["lv_LV"],
        months: "janvāris|februāris|marts|aprīlis|maijs|jūnijs|jūlijs|augusts|septembris|oktobris|novembris|decembris",
        months_short: "jan|feb|mar|apr|mai|jūn|jūl|aug|sep|okt|nov|dec",
        days: "pirmdiena|otrdiena|trešdiena|ceturtdiena|piektdiena|sestdiena|svētdiena",
        days_short: "P |O |T |C |Pk|S |Sv",
    },
    Words {
        places: &["mk_MK"],
        months: "јануари|февруари|март|април|мај|јуни|јули|август|септември|октомври|ноември|декември",
        months_short: "јан|фев|мар|апр|мај|јун|јул|авг|сеп|окт|ное|дек",
        days: "понеделник|вторник|среда|четврток|петок|сабота|недела",
        days_short: "пон|вто|сре|чет|пет|саб|нед",
    },
    Words {
        places: &["mn_MN"],
        months: "Нэгдүгээр сар|Хоёрдугаар сар|Гуравдугаар сар|Дөрөвдүгээр сар|Тавдугаар сар|Зургаадугар сар|Долоодугаар сар|Наймдугаар сар|Есдүгээр сар|Аравдугаар сар|Арваннэгдүгээр сар|Арванхоёрдгаар сар",
        months_short: "1-р|2-р|3-р|4-р|5-р|6-р|7-р|8-р|9-р|10-р|11-р|12-р",
        days: "Даваа|Мягмар|Лхагва|Пүрэв|Баасан|Бямба|Ням",
        days_short: "Да|Мя|Лх|Пү|Ба|Бя|Ня",
    },
    Words {
        places: &["ms_MY"],
        months: "Januari|Februari|Mac|April|Mei|Jun|Julai|Ogos|September|Oktober|November|Disember",
        months_short: "Jan|Feb|Mac|Apr|Mei|Jun|Jul|Ogos|Sep|Okt|Nov|Dis",
        days: "Isnin|Selasa|Rabu|Khamis|Jumaat|Sabtu|Ahad",
        days_short: "Isn|Sel|Rab|Kha|Jum|Sab|Ahd",
    },
    Words {
        places: &["nb_NO", "no_NO"],
        months: "januar|februar|mars|april|mai|juni|juli|august|september|oktober|november|desember",
        months_short: "jan|feb|mar|apr|mai|jun|jul|aug|sep|okt|nov|des",
        days: "mandag|tirsdag|onsdag|torsdag|fredag|lørdag|søndag",
        days_short: "man|tir|ons|tor|fre|lør|søn",
    },
    Words {
        places: &["nl_NL", "nl_BE"],
        months: "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december",
        months_short: "jan|feb|mrt|apr|mei|jun|jul|aug|sep|okt|nov|dec",
        days: "maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag",
        days_short: "ma|di|wo|do|vr|za|zo",
    },
    Words {
        places: &["pl_PL"],
        months: "styczeń|luty|marzec|kwiecień|maj|czerwiec|lipiec|sierpień|wrzesień|październik|listopad|grudzień",
        months_short: "sty|lut|mar|kwi|maj|cze|lip|sie|wrz|paź|lis|gru",
        days: "poniedziałek|wtorek|środa|czwartek|piątek|sobota|niedziela",
        days_short: "pon|wto|śro|czw|pią|sob|nie",
    },
    Words {
        places: &["pt_BR"],
        months: "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro",
        months_short: "Jan|Fev|Mar|Abr|Mai|Jun|Jul|Ago|Set|Out|Nov|Dez",
        days: "segunda|terça|quarta|quinta|sexta|sábado|domingo",
        days_short: "Seg|Ter|Qua|Qui|Sex|Sáb|Dom",
    },
    Words {
        places: &["pt_PT"],
        months: "Janeiro|Fevereiro|Março|Abril|Maio|Junho|Julho|Agosto|Setembro|Outubro|Novembro|Dezembro",
        months_short: "Jan|Fev|Mar|Abr|Mai|Jun|Jul|Ago|Set|Out|Nov|Dez",
        days: "Segunda|Terça|Quarta|Quinta|Sexta|Sábado|Domingo",
        days_short: "Seg|Ter|Qua|Qui|Sex|Sáb|Dom",
    },
    Words {
        places: &["ro_RO"],
        months: "Ianuarie|Februarie|Martie|Aprilie|Mai|Iunie|Iulie|August|Septembrie|Octombrie|Noiembrie|Decembrie",
        months_short: "ian|feb|mar|apr|mai|iun|iul|aug|sep|oct|nov|dec",
        days: "Luni|Marţi|Miercuri|Joi|Vineri|Sâmbătă|Duminică",
        days_short: "Lu|Ma|Mi|Jo|Vi|Sâ|Du",
    },
    Words {
        places: &["ru_RU"],
        months: "Января|Февраля|Марта|Апреля|Мая|Июня|Июля|Августа|Сентября|Октября|Ноября|Декабря",
        months_short: "Янв|Фев|Мар|Апр|Май|Июн|Июл|Авг|Сен|Окт|Ноя|Дек",
        days: "Понедельник|Вторник|Среда|Четверг|Пятница|Суббота|Воскресенье",
        days_short: "Пнд|Втр|Срд|Чтв|Птн|Сбт|Вск",
    },
    Words {
        places: &["ru_UA"],
        months: "Январь|Февраль|Март|Апрель|Май|Июнь|Июль|Август|Сентябрь|Октябрь|Ноябрь|Декабрь",
        months_short: "Янв|Фев|Мар|Апр|Май|Июн|Июл|Авг|Сен|Окт|Ноя|Дек",
        days: "Понедельник|Вторник|Среда|Четверг|Пятница|Суббота|Воскресенье",
        days_short: "Пнд|Вто|Срд|Чтв|Птн|Суб|Вск",
    },
    Words {
        places: &["sk_SK"],
        months: "január|február|marec|apríl|máj|jún|júl|august|september|október|november|december",
        months_short: "jan|feb|mar|apr|máj|jún|júl|aug|sep|okt|nov|dec",
        days: "Pondelok|Utorok|Streda|Štvrtok|Piatok|Sobota|Nedeľa",
        days_short: "Po|Ut|St|Št|Pi|So|Ne",
    },
    Words {
        places: &["sl_SI"],
        months: "januar|februar|marec|april|maj|junij|julij|avgust|september|oktober|november|december",
        months_short: "jan|feb|mar|apr|maj|jun|jul|avg|sep|okt|nov|dec",
        days: "ponedeljek|torek|sreda|četrtek|petek|sobota|nedelja",
        days_short: "pon|tor|sre|čet|pet|sob|ned",
    },
    Words {
        places: &["sq_AL"],
        months: "janar|shkurt|mars|prill|maj|qershor|korrik|gusht|shtator|tetor|nëntor|dhjetor",
        months_short: "Jan|Shk|Mar|Pri|Maj|Qer|Kor|Gsh|Sht|Tet|Nën|Dhj",
        days: "e hënë |e martë |e mërkurë |e enjte |e premte |e shtunë |e diel ",
        days_short: "Hën |Mar |Mër |Enj |Pre |Sht |Die ",
    },
    Words {
        places: &["sr_RS"],
        months: "januar|februar|mart|april|maj|juni|juli|avgust|septembar|oktobar|novembar|decembar",
        months_short: "jan|feb|mar|apr|maj|jun|jul|avg|sep|okt|nov|dec",
        days: "ponedeljak|utorak|sreda|četvrtak|petak|subota|nedelja",
        days_short: "pon|uto|sre|čet|pet|sub|ned",
    },
    Words {
        places: &["ta_IN"],
        months: "ஜனவரி|பெப்ரவரி|மார்ச்|ஏப்ரல்|மே|ஜூன்|ஜூலை|ஆகஸ்ட்|செப்டம்பர்|அக்டோபர்|நவம்பர்|டிசம்பர்r",
        months_short: "ஜனவரி|பெப்ரவரி|மார்ச்|ஏப்ரல்|மே|ஜூன்|ஜூலை|ஆகஸ்ட்|செப்டம்பர்|அக்டோபர்|நவம்பர்|டிசம்பர்r",
        days: "திங்கள்|செவ்வாய்|புதன்|வியாழன்|வெள்ளி|சனி|ஞாயிறு",
        days_short: "த|ச|ப|வ|வ|ச|ஞ",
    },
    Words {
        places: &["te_IN"],
        months: "జనవరి|ఫిబ్రవరి|మార్చి|ఏప్రిల్|మే|జూన్|జూలై|ఆగస్టు|సెప్టెంబర్|అక్టోబర్|నవంబర్|డిసెంబర్",
        months_short: "జనవరి|ఫిబ్రవరి|మార్చి|ఏప్రిల్|మే|జూన్|జూలై|ఆగస్టు|సెప్టెంబర్|అక్టోబర్|నవంబర్|డిసెంబర్",
        days: "సోమవారం|మంగళవారం|బుధవారం|గురువారం|శుక్రవారం|శనివారం|ఆదివారం",
        days_short: "సోమ|మంగళ|బుధ|గురు|శుక్ర|శని|ఆది",
    },
    Words {
        places: &["th_TH"],
        months: "มกราคม|กุมภาพันธ์|มีนาคม|เมษายน|พฤษภาคม|มิถุนายน|กรกฎาคม|สิงหาคม|กันยายน|ตุลาคม|พฤศจิกายน|ธันวาคม",
        months_short: "ม.ค.|ก.พ.|มี.ค.|เม.ย.|พ.ค.|มิ.ย.|ก.ค.|ส.ค.|ก.ย.|ต.ค.|พ.ย.|ธ.ค.",
        days: "จันทร์|อังคาร|พุธ|พฤหัสบดี|ศุกร์|เสาร์|อาทิตย์",
        days_short: "จ.|อ.|พ.|พฤ.|ศ.|ส.|อา.",
    },
    Words {
        places: &["tr_TR"],
        months: "Ocak|Şubat|Mart|Nisan|Mayıs|Haziran|Temmuz|Ağustos|Eylül|Ekim|Kasım|Aralık",
        months_short: "Oca|Şub|Mar|Nis|May|Haz|Tem|Ağu|Eyl|Eki|Kas|Ara",
        days: "Pazartesi|Salı|Çarşamba|Perşembe|Cuma|Cumartesi|Pazar",
        days_short: "Pzt|Sal|Çrş|Prş|Cum|Cts|Paz",
    },
    Words {
        places: &["uk_UA"],
        months: "Січень|Лютий|Березень|Квітень|Травень|Червень|Липень|Серпень|Вересень|Жовтень|Листопад|Грудень",
        months_short: "Січ|Лют|Бер|Кві|Тра|Чер|Лип|Сер|Вер|Жов|Лис|Гру",
        days: "Понеділок|Вівторок|Середа|Четвер|П'ятниця|Субота|Неділя",
        days_short: "Пнд|Втр|Срд|Чтв|Птн|Сбт|Ндл",
    },
    Words {
        places: &["ur_PK"],
        months: "جنوري|فروري|مارچ|اپريل|مٓی|جون|جولاي|اگست|ستمبر|اكتوبر|نومبر|دسمبر",
        months_short: "جنوري|فروري|مارچ|اپريل|مٓی|جون|جولاي|اگست|ستمبر|اكتوبر|نومبر|دسمبر",
        days: "پير|منگل|بدھ|جمعرات|جمعه|هفته|اتوار",
        days_short: "پير|منگل|بدھ|جمعرات|جمعه|هفته|اتوار",
    },
    Words {
        places: &["vi_VN"],
        months: "Tháng một|Tháng hai|Tháng ba|Tháng tư|Tháng năm|Tháng sáu|Tháng bảy|Tháng tám|Tháng chín|Tháng mười|Tháng mười một|Tháng mười hai",
        months_short: "Thg 1|Thg 2|Thg 3|Thg 4|Thg 5|Thg 6|Thg 7|Thg 8|Thg 9|Thg 10|Thg 11|Thg 12",
        days: "Thứ hai |Thứ ba |Thứ tư |Thứ năm |Thứ sáu |Thứ bảy |Chủ nhật ",
        days_short: "Th 2 |Th 3 |Th 4 |Th 5 |Th 6 |Th 7 |CN ",
    },
    Words {
        places: &["zh_CN", "zh_HK"],
        months: "一月|二月|三月|四月|五月|六月|七月|八月|九月|十月|十一月|十二月",
        months_short: " 1月| 2月| 3月| 4月| 5月| 6月| 7月| 8月| 9月|10月|11月|12月",
        days: "星期一|星期二|星期三|星期四|星期五|星期六|星期日",
        days_short: "一|二|三|四|五|六|日",
    },
    Words {
        places: &["zh_TW"],
        months: "一月|二月|三月|四月|五月|六月|七月|八月|九月|十月|十一月|十二月",
        months_short: " 1月| 2月| 3月| 4月| 5月| 6月| 7月| 8月| 9月|10月|11月|12月",
        days: "週一|週二|週三|週四|週五|週六|週日",
        days_short: "一|二|三|四|五|六|日",
    },
    Words {
        places: &["el_GR"],
        months: "Ιανουάριος|Φεβρουάριος|Μάρτιος|Απρίλιος|Μάιος|Ιούνιος|Ιούλιος|Αύγουστος|Σεπτέμβριος|Οκτώβριος|Νοέμβριος|Δεκέμβριος",
        months_short: "Ιαν|Φεβ|Μάρ|Απρ|Μάι|Ιούν|Ιούλ|Αύγ|Σεπ|Οκτ|Νοέ|Δεκ",
        days: "Δευτέρα|Τρίτη|Τετάρτη|Πέμπτη|Παρασκευή|Σάββατο|Κυριακή",
        days_short: "Δευ|Τρί|Τετ|Πέμ|Παρ|Σάβ|Κυρ",
    },
    Words {
        places: &["rm_CH"],
        months: "schaner|favrer|mars|avrigl|matg|zercladur|fanadur|avust|settember|october|november|december",
        months_short: "schan|favr|mars|avr|matg|zercl|fan|avust|sett|oct|nov|dec",
        days: "glindesdi|mardi|mesemna|gievgia|venderdi|sonda|dumengia",
        days_short: "gli|ma|me|gie|ve|so|du",
    },
];

/// The place that a session is in where nobody says another.
pub(crate) const DEFAULT: &str = "en_US";

/// The place of a name, whatever its case, or of a number; `None` if MySQL has no names for it.
pub fn place_of(text: &str) -> Option<&'static str> {
    match text.parse::<usize>() {
        Ok(number) => PLACES.get(number).copied(),
        Err(_) => PLACES.iter().find(|place| place.eq_ignore_ascii_case(text)).copied(),
    }
}

/// What a place calls months and days.
#[derive(Debug)]
pub(crate) struct Names {
    months: Vec<&'static str>,
    months_short: Vec<&'static str>,
    days: Vec<&'static str>,
    days_short: Vec<&'static str>,
}

impl Names {
    /// Those of a place; of en_US if it is not known.
    pub fn of(place: &str) -> Names {
        let of = |place: &str| WORDS.iter().find(|words| words.places.contains(&place));
        let split = |words: &'static str| words.split('|').collect();
        // The table begins with the default place.
        let words = of(place).unwrap_or(&WORDS[0]);
        Names {
            months: split(words.months),
            months_short: split(words.months_short),
            days: split(words.days),
            days_short: split(words.days_short),
        }
    }

    /// The name of a month, from 1.
    pub fn month(&self, month: i64) -> Option<&'static str> {
        usize::try_from(month - 1).ok().and_then(|at| self.months.get(at)).copied()
    }

    pub fn month_short(&self, month: i64) -> Option<&'static str> {
        usize::try_from(month - 1).ok().and_then(|at| self.months_short.get(at)).copied()
    }

    /// The name of a day, from Monday, which is 0.
    pub fn day(&self, weekday: i64) -> &'static str {
        usize::try_from(weekday).ok().and_then(|at| self.days.get(at)).copied().unwrap_or("")
    }

    pub fn day_short(&self, weekday: i64) -> &'static str {
        usize::try_from(weekday).ok().and_then(|at| self.days_short.get(at)).copied().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_names() {
        for place in PLACES {
            let words: Vec<_> = WORDS.iter().filter(|words| words.places.contains(place)).collect();
            assert_eq!(words.len(), 1, "{place}");
            let Names { months, months_short, days, days_short } = Names::of(place);
            let counts = [months.len(), months_short.len(), days.len(), days_short.len()];
            assert_eq!(counts, [12, 12, 7, 7], "{place}");
        }
        assert_eq!(WORDS[0].places[0], DEFAULT);
    }

    #[test]
    fn places_have_names_and_numbers() {
        assert_eq!(place_of("DE_de"), Some("de_DE"));
        assert_eq!(place_of("4"), Some("de_DE"));
        assert_eq!(place_of("nowhere"), None);
        assert_eq!(place_of("111"), None);
        assert_eq!((Names::of("fr_FR").day(0), Names::of("fr_FR").month(13)), ("lundi", None));
    }
}
