import WireText

/// Random requests of the kinds that the control plane sends, and of S3.
///
/// Left out, because botocore departs from AWS's own rules there: a Date header (botocore rewrites it and
/// then omits X-Amz-Date); white space outside ASCII in header values (Python's split() trims it too);
/// queries that are not percent-encoded already, or have the same name twice in a presigned URL (botocore
/// leaves the one as it is and drops the other); a body in a presigned form post (botocore moves it into
/// the query).
struct JobGenerator {
    private var random: SeededGenerator
    private static let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    private static let odd = letters + "-._~ !'()*+,;=:@&$/?#[]%\"<>\\^`{|}äßé日本語🦊"

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func next() -> BotocoreJob {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: form()
        case 1: json("ssm", "AmazonSSM.SendCommand")
        case 2: json("kms", "TrentService.GenerateDataKey")
        case 3: s3()
        case 4: presigned("s3")
        default: presigned(["ec2", "sts", "execute-api"].randomElement(using: &random)!)
        }
    }

    private mutating func form() -> BotocoreJob {
        let length = random.chance(20) ? 100 : 8
        let fields = (0..<Int.random(in: 1...length, using: &random)).map { _ in
            encoded(random.text(Self.letters, 1...20)) + "=" + encoded(random.text(Self.odd, 0...40))
        }
        var job = start("header", "ec2", "POST")
        job.url += path() + (random.chance(20) ? "?" + query(duplicates: true) : "")
        job.headers.append(["Content-Type", "application/x-www-form-urlencoded; charset=utf-8"])
        job.body = fields.joined(separator: "&").utf8.hex
        return job
    }

    private mutating func json(_ service: String, _ target: String) -> BotocoreJob {
        var job = start("header", service, "POST")
        job.url += "/"
        job.headers += [["Content-Type", "application/x-amz-json-1.1"], ["X-Amz-Target", target]]
        job.body = "{\"Name\":\"\(random.text(Self.odd, 0...200))\"}".utf8.hex
        return job
    }

    private mutating func s3() -> BotocoreJob {
        var job = start("header", "s3", ["GET", "PUT", "DELETE", "HEAD"].randomElement(using: &random)!)
        job.url += key() + (random.chance(40) ? "?" + query(duplicates: true) : "")
        job.body = job.method == "PUT" ? random.text(Self.odd, 0...300).utf8.hex : ""
        if random.chance(30) {
            // botocore leaves a body unsigned only where a checksum stands in for it.
            job.unsigned = true
            job.headers.append(["Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="])
        }
        return job
    }

    private mutating func presigned(_ service: String) -> BotocoreJob {
        var job = start("presign", service, ["GET", "PUT"].randomElement(using: &random)!)
        job.url +=
            (service == "s3" ? key() : path()) + (random.chance(50) ? "?" + query(duplicates: false) : "")
        job.expires = Int.random(in: 1...604_800, using: &random)
        return job
    }

    private mutating func start(_ mode: String, _ service: String, _ method: String) -> BotocoreJob {
        let region = ["us-east-1", "eu-central-1", "ap-southeast-2"].randomElement(using: &random)!
        let day = random.text("12", 1...1) + random.text("012345678", 1...1)
        let timestamp =
            "20\(day)0\(random.text("123456789", 1...1))1\(random.text("0123456789", 1...1))T"
            + "1\(random.text("0123456789", 1...1))\(random.text("012345", 1...1))506Z"
        let port = random.chance(30) ? ":\(Int.random(in: 1024...65535, using: &random))" : ""
        var job = BotocoreJob(
            mode: mode, service: service, region: region, timestamp: timestamp,
            secretKey: random.text(Self.letters + "/+", 40...40), method: method,
            url: "https://\(service).\(region).amazonaws.com\(port)", headers: extraHeaders(), body: "")
        if random.chance(40) { job.token = random.text(Self.letters + "/+=", 16...600) }
        return job
    }

    /// Duplicates, runs of spaces, tabs, empty values, UTF-8, any case, some that are never signed.
    private mutating func extraHeaders() -> [[String]] {
        let names = [
            "X-Custom", "x-custom", "X-Amz-Meta-Name", "My-Header1", "Accept", "User-Agent",
            "X-Amzn-Trace-Id",
        ]
        return (0..<Int.random(in: 0...6, using: &random)).map { _ in
            [names.randomElement(using: &random)!, random.text(Self.letters + "     \t,;=\"äé日🦊", 0...40)]
        }
    }

    /// Percent-encoded UTF-8, with dot segments and doubled slashes.
    private mutating func path() -> String {
        var path = "/"
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            let choice = Int.random(in: 0..<10, using: &random)
            path += [".", "..", ""].dropFirst(choice).first ?? encoded(random.text(Self.odd, 1...10))
            path += "/"
        }
        if random.chance(50) { path += encoded(random.text(Self.odd, 1...10)) }
        return path
    }

    private mutating func key() -> String {
        let name = encoded(random.text(Self.odd + "//", 1...60))
        return "/" + name.replacing("%2F", with: "/") + random.text("!$'()*,:@=&;+", 0...3)
    }

    private mutating func query(duplicates: Bool) -> String {
        (0..<Int.random(in: 1...5, using: &random)).map { number in
            let name = random.text(Self.odd, 1...8) + (duplicates ? "" : String(number))
            let value = random.text(Self.odd, 0...12)
            let pair = encoded(name) + "=" + encoded(value)
            return duplicates && random.chance(20) ? pair + "&" + encoded(name) + "=" : pair
        }.joined(separator: "&")
    }
}

private func encoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
        let scalar = Unicode.Scalar(byte)
        if byte < 0x80,
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || "-._~".utf8.contains(byte)
        {
            out.unicodeScalars.append(scalar)
        } else {
            out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
    return out
}
