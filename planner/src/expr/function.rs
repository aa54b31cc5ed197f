//! Scalar functions, as a closed enum. What each means is MySQL 8.0's manual unless a comment says otherwise.

/// Units of EXTRACT and INTERVAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are MySQL's keywords")]
pub enum TimeUnit {
    Microsecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// A scalar function or operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    // Comparison. Two arguments of one family; result 0, 1, NULL.
    /// =
    Eq,
    /// <> and !=
    Ne,
    /// <
    Lt,
    /// <=
    Le,
    /// >
    Gt,
    /// >=
    Ge,
    /// <=>: never NULL.
    NullEq,
    /// args[0] IN (args[1..]), three-valued.
    In,
    /// args[0] LIKE args[1], with the escape character if there is one.
    Like {
        /// `\` unless ESCAPE says otherwise; None = ESCAPE ''.
        escape: Option<char>,
    },
    /// args[0] REGEXP args[1].
    Regexp,
    /// x IS NULL: never NULL.
    IsNull,
    /// x IS TRUE: never NULL.
    IsTrue,
    /// x IS FALSE: never NULL.
    IsFalse,

    // Logic, three-valued. AND and OR take two or more arguments.
    /// AND
    And,
    /// OR
    Or,
    /// XOR
    Xor,
    /// NOT
    Not,

    // Arithmetic. Overflow of an integer or decimal result is error 1690.
    /// +
    Plus,
    /// - with two arguments
    Minus,
    /// *
    Mul,
    /// /: double or decimal (scale of the dividend + 4); NULL if the divisor is 0.
    Div,
    /// DIV: integer; NULL if the divisor is 0.
    IntDiv,
    /// % and MOD: sign of the dividend; NULL if the divisor is 0.
    Mod,
    /// - with one argument
    Negate,
    /// &
    BitAnd,
    /// |
    BitOr,
    /// ^
    BitXor,
    /// ~
    BitNot,
    /// <<
    ShiftLeft,
    /// >>
    ShiftRight,

    // Control flow.
    /// args = condition, value, condition, value, …, and the ELSE value if their number is odd. A condition holds if it is
    /// neither 0 nor NULL; only the chosen branch is evaluated for a row.
    Case,
    /// IF(condition, then, else).
    If,
    /// IFNULL(a, b).
    IfNull,
    /// COALESCE(…).
    Coalesce,
    /// NULLIF(a, b).
    NullIf,
    /// GREATEST(…): NULL if any is NULL.
    Greatest,
    /// LEAST(…).
    Least,
    /// CAST(args[0] AS the result type), also every implicit conversion.
    Cast,

    // Strings. Positions count characters from 1.
    /// SUBSTRING(s, position[, length]); a negative position counts from the end.
    Substring,
    /// LEFT(s, n).
    Left,
    /// RIGHT(s, n).
    Right,
    /// LENGTH, in bytes.
    Length,
    /// CHAR_LENGTH, in characters.
    CharLength,
    /// UPPER.
    Upper,
    /// LOWER.
    Lower,
    /// CONCAT: NULL if any is NULL.
    Concat,
    /// CONCAT_WS(separator, …): skips NULLs.
    ConcatWs,
    /// TRIM(BOTH args[1] FROM args[0]); args[1] defaults to a blank.
    Trim,
    /// TRIM(LEADING …), LTRIM.
    TrimLeading,
    /// TRIM(TRAILING …), RTRIM.
    TrimTrailing,
    /// REPLACE(s, from, to).
    Replace,
    /// LOCATE(needle, s[, position]); POSITION and INSTR become this.
    Locate,
    /// LPAD(s, n, pad).
    Lpad,
    /// RPAD(s, n, pad).
    Rpad,
    /// REVERSE.
    Reverse,
    /// REPEAT(s, n).
    Repeat,
    /// SPACE(n).
    Space,
    /// ASCII(s).
    Ascii,
    /// HEX of a string or integer.
    Hex,
    /// SUBSTRING_INDEX(s, delimiter, count).
    SubstringIndex,
    /// STRCMP(a, b).
    StrCmp,

    // Numbers.
    /// ABS.
    Abs,
    /// CEIL.
    Ceil,
    /// FLOOR.
    Floor,
    /// ROUND(x, d), d constant; halves away from zero for exact numbers.
    Round,
    /// TRUNCATE(x, d), d constant.
    Truncate,
    /// SIGN.
    Sign,
    /// SQRT: NULL below 0.
    Sqrt,
    /// POW.
    Pow,
    /// EXP.
    Exp,
    /// LN.
    Ln,
    /// LOG10.
    Log10,
    /// LOG2.
    Log2,
    /// SIN.
    Sin,
    /// COS.
    Cos,
    /// TAN.
    Tan,
    /// ASIN.
    Asin,
    /// ACOS.
    Acos,
    /// ATAN of one argument, ATAN2 of two.
    Atan,
    /// CRC32 of a string.
    Crc32,

    // Dates.
    /// EXTRACT(unit FROM x), YEAR(x), MONTH(x), …
    Extract(TimeUnit),
    /// DAYOFWEEK: 1 = Sunday.
    DayOfWeek,
    /// WEEKDAY: 0 = Monday.
    WeekDay,
    /// DAYOFYEAR.
    DayOfYear,
    /// WEEK(x, mode), mode constant.
    WeekOfYear,
    /// DAYNAME.
    DayName,
    /// MONTHNAME.
    MonthName,
    /// LAST_DAY.
    LastDay,
    /// args[0] + INTERVAL args[1] unit; args[1] is an integer (for SECOND it may be a decimal). The result is a DATE when
    /// args[0] is one and the unit is DAY or longer, else a DATETIME. Out of range is NULL.
    DateAdd(TimeUnit),
    /// args[0] - INTERVAL args[1] unit.
    DateSub(TimeUnit),
    /// DATEDIFF(a, b), days.
    DateDiff,
    /// TIMESTAMPDIFF(unit, a, b) = b - a.
    TimestampDiff(TimeUnit),
    /// DATE_FORMAT(x, format).
    DateFormat,
    /// TO_DAYS.
    ToDays,
    /// FROM_DAYS.
    FromDays,
    /// UNIX_TIMESTAMP(x).
    UnixTimestamp,
    /// FROM_UNIXTIME(n).
    FromUnixTime,
    /// MAKEDATE(year, day of year).
    MakeDate,
}
