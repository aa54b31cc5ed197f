//! How numbers are grouped in different places, for FORMAT. Taken from what MySQL's server shows for each of its locales.

/// The signs of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Locale {
    /// Between groups of digits.
    between: &'static str,
    /// In front of the fraction.
    point: &'static str,
    /// Digits of a group in front of the last, which has three.
    group: usize,
}

const fn locale(between: &'static str, point: &'static str) -> Locale {
    Locale { between, point, group: 3 }
}

/// en_US, which stands in for places that are not known.
pub(crate) const DEFAULT: Locale = locale(",", ".");

/// Places that write otherwise than en_US.
const PLACES: &[(Locale, &[&str])] = &[
    (
        locale(".", ","),
        &[
            "be_BY", "da_DK", "de_BE", "de_DE", "de_LU", "es_AR", "es_BO", "es_CL", "es_CO", "es_EC",
            "es_ES", "es_PY", "es_UY", "es_VE", "fo_FO", "hu_HU", "id_ID", "is_IS", "lt_LT", "mn_MN",
            "nb_NO", "no_NO", "ro_RO", "ru_UA", "sq_AL", "tr_TR", "uk_UA", "vi_VN",
        ],
    ),
    (
        locale(" ", ","),
        &["cs_CZ", "es_CR", "et_EE", "fi_FI", "lv_LV", "mk_MK", "ru_RU", "sk_SK", "sv_FI", "sv_SE"],
    ),
    (
        locale("", ","),
        &[
            "ca_ES", "de_AT", "el_GR", "eu_ES", "fr_BE", "fr_CA", "fr_CH", "fr_FR", "fr_LU", "gl_ES",
            "hr_HR", "it_IT", "nl_BE", "nl_NL", "pl_PL", "pt_BR", "pt_PT", "sl_SI",
        ],
    ),
    (locale("", "."), &["ar_SA", "sr_RS"]),
    (locale("'", "."), &["de_CH"]),
    (locale("'", ","), &["it_CH", "rm_CH"]),
    (Locale { between: ",", point: ".", group: 2 }, &["en_IN", "ta_IN", "te_IN"]),
];

/// The signs of a place like `de_DE`.
pub(crate) fn of_name(name: &str) -> Locale {
    let known = |names: &&[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    PLACES.iter().find(|(_, names)| known(names)).map_or(DEFAULT, |(locale, _)| *locale)
}

impl Locale {
    /// Writes a number, which is there in digits with a sign and a point, with the signs of the place.
    pub fn write(self, plain: &str, out: &mut String) {
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let digits = whole.trim_start_matches('-');
        out.push_str(&whole[..whole.len() - digits.len()]);
        for (at, digit) in digits.char_indices() {
            let left = digits.len() - at;
            if at > 0 && left >= 3 && (left - 3).is_multiple_of(self.group) {
                out.push_str(self.between);
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push_str(self.point);
            out.push_str(fraction);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with MariaDB 10.11: FORMAT(1234567.5, 1, name).
    #[test]
    fn numbers_in_different_places() {
        for (name, want) in [
            ("en_US", "1,234,567.5"),
            ("nowhere", "1,234,567.5"),
            ("de_de", "1.234.567,5"),
            ("fr_FR", "1234567,5"),
            ("ru_RU", "1 234 567,5"),
            ("de_CH", "1'234'567.5"),
            ("en_IN", "12,34,567.5"),
        ] {
            let mut out = String::new();
            of_name(name).write("1234567.5", &mut out);
            assert_eq!(out, want, "{name}");
        }
        for (plain, want) in [("-999", "-999"), ("-1000", "-1,000"), ("0.00", "0.00"), ("100000", "100,000")]
        {
            let mut out = String::new();
            DEFAULT.write(plain, &mut out);
            assert_eq!(out, want);
        }
    }
}
