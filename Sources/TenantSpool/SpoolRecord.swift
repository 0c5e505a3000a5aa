/// One line of a stream: `<sequence> <CRC-32 of sequence and payload, 8 hexadecimal digits> <payload>`, ended
/// by a newline. The payload is JSON, which has no newline of its own.
package struct SpoolRecord: Sendable, Equatable {
    package var sequence: Int
    package var payload: [UInt8]

    package static let maximumPayloadBytes = 16 << 10
    /// More than a stream ever holds, and few enough for any JSON number: the arithmetic on them cannot
    /// overflow.
    package static let sequences = 1...(1 << 53)
    /// Of a line without its newline: one digit and no payload.
    static let minimumLineBytes = 11
    /// Of a line with its newline.
    static let maximumLineBytes = maximumPayloadBytes + 64

    package init(sequence: Int, payload: [UInt8]) {
        self.sequence = sequence
        self.payload = payload
    }

    var line: [UInt8] {
        let digits = String(checksum, radix: 16)
        let head = "\(sequence) " + String(repeating: "0", count: 8 - digits.count) + digits + " "
        return Array(head.utf8) + payload + [UInt8(ascii: "\n")]
    }

    /// nil unless every byte is as it was written.
    /// - Parameter line: without its newline
    init?(_ line: ArraySlice<UInt8>) {
        guard line.count < Self.maximumLineBytes else { return nil }
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let sequence = Int(String(decoding: parts[0], as: UTF8.self)),
            Self.sequences.contains(sequence),
            let written = UInt32(String(decoding: parts[1], as: UTF8.self), radix: 16)
        else { return nil }
        self.sequence = sequence
        payload = Array(parts[2])
        guard written == checksum else { return nil }
    }

    private var checksum: UInt32 { crc32Sum(Array("\(sequence) ".utf8) + payload) }
}
