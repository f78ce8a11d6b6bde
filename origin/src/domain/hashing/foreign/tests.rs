//! Known answers, made by the originals with these commands (Python 3.11; Django 5.2, passlib
//! 1.7.4, bcrypt 5.0 and, for passlib, 4.0, Werkzeug 3.1), `p` being the password:
//!
//! ```text
//! django.contrib.auth.hashers.get_hasher(NAME).encode(p, salt)     # iterations, rounds set lower
//! bcrypt.hashpw(p.encode(), bcrypt.gensalt(4, prefix=b"2a"))
//! passlib.hash.pbkdf2_sha256.using(rounds=1000).hash(p)            # and the others of passlib
//! werkzeug.security.generate_password_hash(p, "scrypt:1024:8:1")
//! hashlib.pbkdf2_hmac("sha256", p.encode(), b"0123456789abcdef", 1000, 32)
//! hashlib.scrypt(p.encode(), salt=b"0123456789abcdef", n=1024, r=8, p=2, dklen=32)
//! ```

use super::*;

const PASSWORD: &str = "correct horse battery";
const UNICODE: &str = "pässwörd \u{1f511}";

const KNOWN: &[(&str, &str)] = &[
    // Django.
    (
        PASSWORD,
        "pbkdf2_sha256$1000$saltsaltsaltsaltsalt22$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=",
    ),
    (
        UNICODE,
        "pbkdf2_sha256$1000$saltsaltsaltsaltsalt22$xJNuTkU9agCClQ/McuHjwO6Ns+3kp8uUAJ+yVzD4154=",
    ),
    (
        PASSWORD,
        "pbkdf2_sha1$1000$saltsalt$zqPgE6pLyvpTQq0NXydGqK4TvuU=",
    ),
    (
        PASSWORD,
        "bcrypt_sha256$$2b$04$U.lR4ZAHMHEQ9hzAjmpQNO6NemU3EBA/DPw7hFvY.itSE.Vc65.ke",
    ),
    (
        PASSWORD,
        "bcrypt$$2b$04$8A44S0.56MGN0yf..H5VwucLi1gntwfDTXaTp0F2z.RoroJm5wxve",
    ),
    (
        PASSWORD,
        "scrypt$1024$saltsaltsalt$8$5$8q/xo8InyoCGNRnHwzT2rxpW0fOFSD9jeN+Z1lOeIYtPfxMO1hfMOFnitRHyW6oZZ/PP7lWFFU/rx3xziRueaA==",
    ),
    // bcrypt.
    (
        PASSWORD,
        "$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
    ),
    (
        UNICODE,
        "$2a$04$e4GiRAVxlNYkXMBZz0t6.OfkuVSMisUyp6KIm0uyWWoSMUsx9sYAO",
    ),
    (
        "before\0after",
        "$2b$04$XY3ndWckyIk.De8fG4od2Orpw9cAuGCa71SiGsgUljVtnUvaFifrm",
    ),
    (
        "",
        "$2b$04$zvnCRCX9OCRWPnRz.bpiMueyNfmH493Ppg4xYnY2z7XULPq2JFaUG",
    ),
    // passlib.
    (
        PASSWORD,
        "$bcrypt-sha256$v=2,t=2b,r=4$66b3sNs/tBHQtkopagLxae$IC9bHGYlb.JQkMs56kzvbpuvsoOgUaG",
    ),
    (
        PASSWORD,
        "$pbkdf2-sha256$1000$wTinNMZYS.m9d27N2VsrRQ$MzZoC5XqqjLaAvxzXOttzeCOG6EUlyG8L9/uX2t9cqc",
    ),
    (
        UNICODE,
        "$pbkdf2-sha512$1000$8j7HOOfcWwuBEKJUCiGkVA$K0WCA2nCabOhWSUdN6NiumjY8hB52F52ue2MUtt8u6eNr1QJt7zdxxI16zG4lY8K00uQ5gRRMFoIlioUI.x7SA",
    ),
    (
        PASSWORD,
        "$pbkdf2$1000$4/xfK6WUMkaoFeJ8bw1BiA$9RoLZ9oiKY8ITh1HKW6pJOm4rVE",
    ),
    (
        PASSWORD,
        "$scrypt$ln=10,r=8,p=1$R2hNybnXes+Zs1bqvZfS+g$v638fLY4OmZREx0/eGGDYk+7DCx9LrxtL5873AFMsec",
    ),
    // Werkzeug.
    (
        PASSWORD,
        "scrypt:1024:8:1$vdmfoIKu0OgwLQnE$81625ba5771479a3d3ed5f43643a4f56834e27822fdb8b808f68cb80e80643b1080e51be221c53bddff9892feb3adf73513cc08d192d30e075b0f87babdab0dc",
    ),
    (
        UNICODE,
        "pbkdf2:sha256:1000$HA3wmLeJWiEhdim4$a70359a3815f330d73f02bf75606c484950ac80c975c987641c5e54f434dbb94",
    ),
    (
        PASSWORD,
        "pbkdf2:sha512:1000$s5JnhCOv4GTxtlkj$4eda42025eb88bbd386d9b452f4be180bbd3979a65550584dbf5bd96f6876852401abaa96496b86019ec2c2e9391c0a8e7edc8647b1c39c9b939a7f8fa989415",
    ),
    (
        PASSWORD,
        "pbkdf2:sha1:1000$zKn7G8G9WCgdZB2i$308d7ad7b2866f8fdb4ee10465b687033b039cc8",
    ),
    // PHC strings, by hashlib.
    (
        PASSWORD,
        "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$BVALGMmC/K/8ELErc5VgJxyPFApArIZRCQsqjEgZWJ4",
    ),
    (
        PASSWORD,
        "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$7F/Y1rnWXXurLCfFvAmyjyXtbABhgzBTBNcm//wlnvGBOz7OExlgRFs5qwaY5PzB3/WjR7P4yv/ACDQZpDXIfQ",
    ),
    (
        PASSWORD,
        "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0",
    ),
];

fn matches(password: &str, hash: &str) -> bool {
    let hash: ForeignHash = hash.parse().unwrap();
    hash.matches(&Password::new(password.to_owned()))
}

fn refused(hash: &str) -> RefusedHash {
    hash.parse::<ForeignHash>().unwrap_err()
}

#[test]
fn what_the_originals_made_is_verified_as_they_do() {
    for (password, hash) in KNOWN {
        assert!(matches(password, hash), "{hash}");
        assert!(!matches(&format!("{password} "), hash), "{hash}");
        assert!(!matches("Correct horse battery", hash), "{hash}");
    }
}

#[test]
fn of_a_password_bcrypt_takes_72_bytes_and_nul_is_one_of_them() {
    // Made of `"x" * 72 + "tail"`, by bcrypt 4.0, which cuts as those before it did.
    let hash = "$2b$04$lUOY5zbgrTGYXQTinxbSf.IvvYzhmQHX8KxhRRW3uxpkcb5c5RMdO";
    let long = "x".repeat(72);
    for tail in ["", "tail", "another"] {
        assert!(matches(&format!("{long}{tail}"), hash));
    }
    assert!(!matches(&long[1..], hash));
    // "before\0after"
    let nul = "$2b$04$XY3ndWckyIk.De8fG4od2Orpw9cAuGCa71SiGsgUljVtnUvaFifrm";
    assert!(!matches("before", nul) && !matches("before\0", nul));
}

#[test]
fn behind_sha256_bcrypt_takes_passwords_of_any_length() {
    let long = "x".repeat(100);
    for hash in [
        "bcrypt_sha256$$2b$04$em822O3xyJi3pdEdMp75OOo9VJGc/Y.z3vjTbf79IBj7zAHOvYHsK",
        "$bcrypt-sha256$v=2,t=2b,r=4$J5Hex9VVdQ8U1K.VY04Jfe$IHb4xO4yy.f0LEd6uXh0s8OYhqzYOlK",
    ] {
        assert!(matches(&long, hash), "{hash}");
        assert!(!matches(&long[1..], hash), "{hash}");
    }
}

#[test]
fn the_unused_bits_of_bcrypts_last_characters_do_not_count() {
    // The salt's last character, `u`, has no bit beyond the salt; `v` has one.
    let hash = "$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni";
    assert!(matches(PASSWORD, &hash.replacen("5Vu", "5Vv", 1)));
    // `y` marks what PHP made; it is computed alike.
    assert!(matches(PASSWORD, &hash.replacen("2b", "2y", 1)));
}

#[test]
fn what_would_take_too_much_is_refused() {
    let scrypt = |parameters: &str| {
        let rest = "MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0";
        format!("$scrypt${parameters}${rest}").parse::<ForeignHash>()
    };
    let largest = scrypt("ln=18,r=8,p=1").unwrap();
    assert_eq!(largest.memory_kib(), MEMORY_LIMIT_KIB + 1);
    for parameters in [
        "ln=19,r=8,p=1",
        "ln=63,r=8,p=1",
        "ln=64,r=1,p=1",
        "ln=4294967295,r=1,p=1",
        "ln=1,r=4294967295,p=4294967295",
        "ln=1,r=1,p=4294967295",
    ] {
        assert_eq!(
            scrypt(parameters).unwrap_err(),
            RefusedHash::Memory,
            "{parameters}"
        );
    }
    for hash in [
        "$scrypt$ln=18,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0",
        "$2b$15$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
        "$pbkdf2-sha256$2000001$wTinNMZYS.m9d27N2VsrRQ$MzZoC5XqqjLaAvxzXOttzeCOG6EUlyG8L9/uX2t9cqc",
        // Two blocks of output cost twice as much.
        "pbkdf2:sha256:1000001$s5JnhCOv4GTxtlkj$4eda42025eb88bbd386d9b452f4be180bbd3979a65550584dbf5bd96f6876852401abaa96496b86019ec2c2e9391c0a8e7edc8647b1c39c9b939a7f8fa989415",
    ] {
        assert!(matches!(refused(hash), RefusedHash::Work { .. }), "{hash}");
    }
    assert_eq!(refused(&"$2b$".repeat(129)), RefusedHash::TooLong);
}

#[test]
fn what_other_services_make_by_default_is_taken() {
    for hash in [
        // Django 6.0, and twice what OWASP asks for.
        "pbkdf2_sha256$1200000$saltsaltsaltsaltsalt22$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=",
        "$2b$14$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
        // Werkzeug 3, and what OWASP asks for.
        "scrypt:32768:8:1$vdmfoIKu0OgwLQnE$81625ba5771479a3d3ed5f43643a4f56834e27822fdb8b808f68cb80e80643b1080e51be221c53bddff9892feb3adf73513cc08d192d30e075b0f87babdab0dc",
        "$scrypt$ln=17,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0",
    ] {
        assert!(hash.parse::<ForeignHash>().is_ok(), "{hash}");
    }
}

#[test]
fn what_is_not_written_as_the_originals_write_it_is_refused() {
    for hash in [
        "$2b$3$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
        "$2b$03$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
        "$2b$+4$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
        "$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfn",
        "$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfn=",
        "$2b$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni\n",
        "$2x$04$Geg.YTlse0FOGnXFROz5VubYBpog72Vn5.AZTfU2AprH1bJgPvfni",
        "$2b$04$Geg.YTlse0FOGnXFROz5V\u{fc}bYBpog72Vn5.AZTfU2AprH1bJgPvfni",
        "bcrypt$2b$04$8A44S0.56MGN0yf..H5VwucLi1gntwfDTXaTp0F2z.RoroJm5wxve",
        "$bcrypt-sha256$v=1,t=2b,r=4$66b3sNs/tBHQtkopagLxae$IC9bHGYlb.JQkMs56kzvbpuvsoOgUaG",
        "pbkdf2_sha256$01000$salt$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=",
        "pbkdf2_sha256$0$salt$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=",
        "pbkdf2_sha256$-1$salt$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=",
        "pbkdf2_sha256$1000$salt$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY",
        "pbkdf2_sha256$1000$salt$qGMnywZIQhQ=",
        "pbkdf2_sha256$1000$salt$",
        "pbkdf2_md5$1000$salt$qGMnywZIQhQYXlzxISqn8YEUkPZVMue/cmiSWeKp8hY=",
        "$pbkdf2-sha256$i=1000,l=31$MDEyMzQ1Njc4OWFiY2RlZg$BVALGMmC/K/8ELErc5VgJxyPFApArIZRCQsqjEgZWJ4",
        "$pbkdf2-sha256$l=32,i=1000$MDEyMzQ1Njc4OWFiY2RlZg$BVALGMmC/K/8ELErc5VgJxyPFApArIZRCQsqjEgZWJ4",
        "pbkdf2:sha256$HA3wmLeJWiEhdim4$a70359a3815f330d73f02bf75606c484950ac80c975c987641c5e54f434dbb94",
        "pbkdf2:sha256:1000$HA3wmLeJWiEhdim4$A70359A3815F330D73F02BF75606C484950AC80C975C987641C5E54F434DBB94",
        "scrypt:1000:8:1$vdmfoIKu0OgwLQnE$81625ba5771479a3d3ed5f43643a4f56834e27822fdb8b808f68cb80e80643b1",
        "$scrypt$ln=0,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0",
        "$scrypt$ln=10,r=8,p=1,x=1$MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0",
        "$scrypt$ln=10,r=8$MDEyMzQ1Njc4OWFiY2RlZg$faCG2Y2MU7gpu0yKEJONexUzhBri6oOSfKdyxUHubQ0",
    ] {
        assert!(matches!(refused(hash), RefusedHash::Malformed(_)), "{hash}");
    }
    for hash in [
        "",
        "$",
        "password",
        "md5$salt$185a8ce4c769b0acdfda7dcc0f5026bf",
        "$6$rounds=5000$salt$hash",
        "{SSHA}c2FsdA==",
        "!",
    ] {
        assert_eq!(refused(hash), RefusedHash::Unknown, "{hash}");
    }
}
