import Providers

extension Variable {
    /// Named and spelled as in AWS's own SDKs.
    static let awsDualStack = Variable(
        name: "AWS_USE_DUALSTACK_ENDPOINT",
        meaning: "true: AWS's endpoints that answer over IPv6 as well", fallback: "false")
    static let awsFIPS = Variable(
        name: "AWS_USE_FIPS_ENDPOINT", meaning: "true: AWS's endpoints validated by FIPS 140",
        fallback: "false")
}

extension AWSEndpoints {
    init(_ reader: inout EnvironmentReader) {
        func isTrue(_ variable: Variable) -> Bool {
            reader.parse(variable, expected: "true or false") {
                ["true": true, "false": false][$0.lowercased()]
            } ?? false
        }
        self.init(usesDualStack: isTrue(.awsDualStack), usesFIPS: isTrue(.awsFIPS))
    }
}
