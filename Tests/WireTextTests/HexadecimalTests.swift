import Testing
import WireText

@Suite struct HexadecimalTests {
    @Test func everyByteHasItsTwoDigits() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(bytes.hex.count == 512)
        #expect(bytes.prefix(3).hex == "000102" && bytes.suffix(2).hex == "feff")
        #expect([UInt8](hex: bytes.hex) == bytes)
        #expect(bytes.hexDigits == Array(bytes.hex.utf8))
        var text = Array("x".utf8)
        for byte in bytes { text.append(hexOf: byte) }
        #expect(text == Array("x".utf8) + bytes.hexDigits)
    }

    @Test func nothingIsNothing() {
        #expect([UInt8]().hex == "")
        #expect([UInt8](hex: "") == [])
    }

    @Test(arguments: ["0", "012", "0G", "g0", "AB", "aB", " 1", "1 ", "0x", "+1", "-1", "é0", "٠٠"])
    func textThatIsNoLowerCaseHexadecimalIsRefused(text: String) {
        #expect([UInt8](hex: text) == nil)
    }
}
