//! Octets and values, by standard: sms, ota, uicc, smpp. Pure; knows nobody.
