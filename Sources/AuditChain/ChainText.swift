/// Seconds since 1970 of `YYYY-MM-DDThh:mm:ss.ffffffZ`, the fraction dropped; nil for anything else.
func seconds(of timestamp: String) -> Int? {
    let text = Array(timestamp.utf8)
    guard text.count >= 20, text[10] == UInt8(ascii: "T"), text.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int? { Int(String(decoding: text[range], as: UTF8.self)) }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
        let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19)
    else { return nil }
    return days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
}

/// Since 1970-01-01 in the proleptic Gregorian calendar. Years begin in March, so that a leap day comes last.
private func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}
