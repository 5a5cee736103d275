import ObjectStore
import Publisher

extension ErrorReport {
    init(_ error: MirrorError) {
        switch error {
        case .place(let place, let reason):
            self.init(
                66, "\(place) is not a published tree", reason,
                "give a URL, a folder, or s3://BUCKET[/PREFIX] with --endpoint")
        case .untrusted(let source, let reason):
            self.init(
                65, "\(source) was not copied", reason,
                "the copy stays as it was; ask the publisher, or copy from another mirror")
        case .unreachable(let source, let reason):
            self.init(
                69, "could not reach \(source)", reason,
                "check the address and that the server is up, then run it again: what was copied is kept")
        case .otherTree(let destination):
            self.init(
                65, "\(destination) was not changed", "it is a copy of another tree, with another first root",
                "choose another place, or empty this one")
        case .notMetadata(let destination):
            self.init(
                65, "\(destination) was not changed",
                "its metadata/1.root.json is not signed metadata: it is damaged, or came from something on the way, such as a network's "
                    + "sign-in page",
                "look at that file, and remove it if that is what it holds")
        case .noSuchDistribution(let id):
            self.init(66, "nothing was copied", "the tree has no distribution \(id)", "see its catalog")
        case .incomplete(let source, let problems):
            let rest = problems.count > 1 ? ", and \(problems.count - 1) more" : ""
            self.init(
                65, "the copy of \(source) is not complete", (problems.first ?? "") + rest,
                "readers see the copy as it was; repair the source with 'oscircular-publish verify --repair', then run it again"
            )
        case .noCredentials:
            self.init(
                77, "the object store was not contacted", "no access keys are set",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        case .objectStore(let error): self.init(error)
        }
    }

    private init(_ error: ObjectStoreError) {
        let advice = "run it again: what was copied is kept"
        switch error {
        case .noSuchBucket(let name, let message):
            self.init(66, "there is no bucket \(name)", message, "create it first, and let everybody read its objects")
        case .refused(let code, let message):
            let isClock = code == "RequestTimeTooSkewed"
            self.init(
                77, "the object store refused the request", message.isEmpty ? code : "\(code): \(message)",
                isClock ? "set this machine's clock" : "check the keys and what they may do with this bucket")
        case .unreachable(let url, let reason): self.init(69, "could not reach \(url)", reason, advice)
        case .malformed(let url, let reason):
            self.init(65, "\(url) did not answer like an S3 store", reason, "check --endpoint and --region")
        case .failed: self.init(69, "the object store did not accept a file", "\(error)", advice)
        case .cancelled: self.init(1, "stopped", "the transfer was cancelled", advice)
        }
    }
}
