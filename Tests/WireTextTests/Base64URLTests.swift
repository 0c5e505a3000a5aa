import Foundation
import Testing
import WireText

@Suite struct Base64URLTests {
    /// RFC 4648, section 10, without the padding; RFC 7515, appendix C, for the alphabet.
    @Test(arguments: [
        ("", []), ("Zg", Array("f".utf8)), ("Zm8", Array("fo".utf8)), ("Zm9v", Array("foo".utf8)),
        ("Zm9vYg", Array("foob".utf8)), ("Zm9vYmE", Array("fooba".utf8)), ("Zm9vYmFy", Array("foobar".utf8)),
        ("A-z_4ME", [3, 236, 255, 224, 193]),
    ])
    func publishedVectorsAgree(text: String, bytes: [UInt8]) {
        #expect(bytes.base64URL == text)
        #expect([UInt8](base64URL: text) == bytes)
    }

    /// Foundation's is of the other alphabet, and padded.
    @Test func agreesWithFoundation() {
        var generator = SystemRandomNumberGenerator()
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let expected = Data(bytes).base64EncodedString().replacing("+", with: "-")
                .replacing("/", with: "_").replacing("=", with: "")
            #expect(bytes.base64URL == expected)
            #expect([UInt8](base64URL: expected) == bytes)
        }
    }

    @Test(arguments: [
        "Zg==", "Zm8=", "Zm9v=", "=", "Zm 9v", "Zm9v\n", "\tZm9v", "Zm9+", "Zm9/", "Zm9vé", "Zm9v.", "A",
        "Zm9vA",
        "AAAAA",
    ])
    func textThatIsNoneIsRefused(text: String) { #expect([UInt8](base64URL: text) == nil) }

    /// A decoder that drops the last bits takes many spellings of the same bytes.
    @Test func bytesHaveOneSpelling() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        #expect(alphabet.filter { [UInt8](base64URL: "A\($0)") != nil } == "AQgw")
        #expect(alphabet.filter { [UInt8](base64URL: "AA\($0)") != nil } == "AEIMQUYcgkosw048")
        #expect(alphabet.filter { [UInt8](base64URL: "AAA\($0)") != nil } == alphabet)
    }
}
