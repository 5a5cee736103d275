import ObjectStore
import Publisher

extension ErrorReport {
    init(_ error: MirrorError) {
        switch error {
        case .place(let place, let reason):
            self.init(
                66, "\(place) is no tree", reason, "give a URL, a folder, or s3://BUCKET[/PREFIX] with --endpoint")
        case .untrusted(let source, let reason):
            self.init(
                65, "\(source) was not copied", reason,
                "the copy stays as it was; ask the publisher, or copy from another mirror")
        case .unreachable(let source, let reason):
            self.init(69, "\(source) cannot be had", reason, "run it again: what was copied stays")
        case .otherTree(let destination):
            self.init(
                65, "\(destination) was not changed", "it is a copy of another tree, with another first root",
                "choose another place, or empty this one")
        case .notMetadata(let destination):
            self.init(
                65, "\(destination) was not changed",
                "what it gives as its metadata/1.root.json is no signed metadata: it is damaged, or the answer of something on the way, "
                    + "such as a network's page to sign in",
                "look at it; remove that file if it lies there so")
        case .noSuchDistribution(let id):
            self.init(66, "nothing was copied", "the tree has no distribution \(id)", "see its catalog")
        case .incomplete(let source, let problems):
            let rest = problems.count > 1 ? ", and \(problems.count - 1) more" : ""
            self.init(
                65, "the copy of \(source) is not complete", (problems.first ?? "") + rest,
                "readers see the copy as it was; mend the source with 'oscircular-publish verify', then run it again")
        case .noCredentials:
            self.init(
                77, "the object store was not asked", "there are no keys for it",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        case .objectStore(let error): self.init(error)
        }
    }

    private init(_ error: ObjectStoreError) {
        let advice = "run it again: what was copied stays"
        switch error {
        case .noSuchBucket(let name, let message):
            self.init(66, "there is no bucket \(name)", message, "make it first, and let everybody read its objects")
        case .refused(let code, let message):
            let isClock = code == "RequestTimeTooSkewed"
            self.init(
                77, "the object store refuses", message.isEmpty ? code : "\(code): \(message)",
                isClock ? "set this machine's clock" : "check the keys, and what they may do with this bucket")
        case .unreachable(let url, let reason): self.init(69, "\(url) cannot be had", reason, advice)
        case .malformed(let url, let reason):
            self.init(65, "\(url) is no S3 store that we understand", reason, "check --endpoint and --region")
        case .failed: self.init(69, "the object store did not take a file", "\(error)", advice)
        case .cancelled: self.init(1, "stopped", "the transfer was cancelled", advice)
        }
    }
}
